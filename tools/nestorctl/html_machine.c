/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine as SVG: its devices on the left, units in the middle, what they reach on the right. */
#include "tools/nestorctl/devices.h"
#include "tools/nestorctl/html.h"
#include "tools/nestorctl/partition.h"
#include "tools/nestorctl/words.h"

enum { NAME = 96, PAD = 10, TOP = 44, CHAR = 7 };

enum { ROW = 26, ROWS = 64, NAME_X = 350, LEFT = 690, MIDDLE = 130, UNIT_X = 770, MEMORY_X = 1000, MEMORY = 260 };

/* Partitions beside this one, each in a box below it. */
enum { OTHERS = 16, OTHER = 48, BETWEEN = 8 };

struct machine_drawing {
    u32 rows;
    u32 chosen;
    u32 unit;               /* whose devices are drawn now: each unit's stand together */
    u32 first_row[128], last_row[128];
    bool drawing;
    u32 cpus, memory_mib;
    u32 other_count;
    struct status_life others[OTHERS];
    u32 functions[OTHERS];
};

static const char *class_of(const char *state)
{
    return state[0] == 'b' ? "stop" : state[0] == 'n' ? "first" : state[0] == 's' ? "second" : "mem";
}

static void draw_device(struct ctl *c, const struct device *d, void *to)
{
    struct machine_drawing *m = to;
    u32 unit = d->state->unit % ARRAY_LEN(m->first_row);
    if (m->rows == ROWS || unit != m->unit) {
        return;
    }
    u32 row = m->rows++;
    u32 y = TOP + row * ROW;
    m->first_row[unit] = m->first_row[unit] == 0 ? row + 1 : m->first_row[unit];
    m->last_row[unit] = row + 1;
    if (!m->drawing) {
        return;
    }
    char name[NAME];
    char function[16];
    const char *state = devices_state(c, d->state);
    words_function(d->function, function);
    platform_function_name(d->function, name, sizeof(name));
    out_raw(&c->out, "<text class='%s' x='%u' y='%u'>%s</text>\n", d->function == m->chosen ? "t" : "", PAD, y + 5,
            function);
    out_raw(&c->out, "<text x='%u' y='%u'>%s</text>\n<text class='s' x='%u' y='%u'>", PAD + 110, y + 5,
            state, PAD + NAME_X, y + 5);
    name[(LEFT - NAME_X - PAD) / CHAR] = '\0';
    html_text(c, name);
    out_raw(&c->out, "</text>\n<path class='w %s' d='M%u %uH%u'/>\n", class_of(state), LEFT + PAD, y, UNIT_X);
}

static void note_machine(struct ctl *c, const struct status_record *r, void *to)
{
    struct machine_drawing *m = to;
    struct status_partition p;
    struct status_function f;
    (void)c;
    if (r->type == STATUS_PARTITION && m->cpus == 0) {
        status_client_copy(r, &p, sizeof(p));
        m->cpus = p.cpus;
        m->memory_mib = (u32)(p.memory >> 20);
    } else if (r->type == STATUS_LIFE && m->other_count < OTHERS) {
        partition_read_life(r, &m->others[m->other_count++]);
    } else if (r->type == STATUS_FUNCTION) {
        status_client_copy(r, &f, sizeof(f));
        for (u32 i = 0; i < m->other_count; i++) {
            m->functions[i] += m->others[i].id == f.partition ? 1 : 0;
        }
    }
}

static void draw_units(struct ctl *c, const struct machine_drawing *m, u32 memory_y, u32 memory_height)
{
    for (u32 i = 0; i < ARRAY_LEN(m->first_row); i++) {
        if (m->first_row[i] != 0) {
            u32 y = TOP + (m->first_row[i] - 1) * ROW - ROW / 2;
            u32 height = (m->last_row[i] - m->first_row[i] + 1) * ROW - 4;
            u32 middle = y + height / 2;
            u32 target = middle < memory_y + PAD ? memory_y + PAD
                         : middle > memory_y + memory_height - PAD ? memory_y + memory_height - PAD : middle;
            out_raw(&c->out,
                    "<rect class='unit' x='%u' y='%u' width='%u' height='%u'/>\n<text class='t' x='%u' y='%u'>unit "
                    "%u</text>\n<path class='a' d='M%u %uH%uV%uH%u'/>\n", UNIT_X, y, MIDDLE, height, UNIT_X + PAD,
                    middle + 5, i, UNIT_X + MIDDLE, middle, (UNIT_X + MIDDLE + MEMORY_X) / 2, target, MEMORY_X);
        }
    }
}

static void draw_partition(struct ctl *c, const struct machine_drawing *m, u32 y, u32 height)
{
    enum { CPU = 14, SHOWN = 32, A_ROW = 16 };
    out_raw(&c->out,
            "<rect class='mem' x='%u' y='%u' width='%u' height='%u'/>\n<text class='t' x='%u' y='%u'>partition 0: %u "
            "MiB, %u CPUs</text>\n<text class='s' x='%u' y='%u'>one table for CPUs and DMA</text>\n", MEMORY_X, y,
            MEMORY,
            height, MEMORY_X + PAD, y + 22, m->memory_mib, m->cpus, MEMORY_X + PAD, y + 42);
    for (u32 i = 0; i < m->cpus && i < SHOWN; i++) {
        out_raw(&c->out, "<rect class='second' x='%u' y='%u' width='%u' height='%u'/>\n",
                MEMORY_X + PAD + i % A_ROW * CPU,
                y + 54 + i / A_ROW * CPU, CPU - 3, CPU - 3);
    }
}

static void draw_others(struct ctl *c, const struct machine_drawing *m, u32 y)
{
    for (u32 i = 0; i < m->other_count; i++) {
        const struct status_life *life = &m->others[i];
        out_raw(&c->out, "<rect class='mem' x='%u' y='%u' width='%u' height='%u'/>\n<text class='t' x='%u' y='%u'>"
                "partition ", MEMORY_X, y, MEMORY, OTHER, MEMORY_X + PAD, y + 18);
        html_text(c, life->name);
        out_raw(&c->out, ": %s</text>\n<text class='s' x='%u' y='%u'>%llu MiB, %u CPUs, %u functions</text>\n",
                partition_state(life), MEMORY_X + PAD, y + 38, life->memory >> 20, life->cpus, m->functions[i]);
        y += OTHER + BETWEEN;
    }
}

static void draw_devices(struct ctl *c, struct machine_drawing *m)
{
    const struct status_device *defaults;
    u32 units = devices_defaults(&defaults);
    m->rows = 0;
    for (m->unit = 0; m->unit < units; m->unit++) {
        devices_each(c, draw_device, m);
    }
}

void html_machine(struct ctl *c, u32 chosen)
{
    enum { LEAST = 96 };
    static struct machine_drawing m;
    m = (struct machine_drawing){.chosen = chosen};
    out_raw(&c->out, "<h2>The machine</h2>\n<p><i class='first'>nested</i>: the guest's first stage on the second. "
            "<i class='second'>second-stage</i>: that alone, and <i class='second'>shadowed</i>: with what the guest's "
            "tables say copied into it. <i class='stop'>blocked</i>: reaches nothing.</p>\n");
    (void)ctl_each(c, STATUS_REPORT_PARTITION, note_machine, &m);
    draw_devices(c, &m);
    u32 own = (m.rows * ROW > LEAST ? m.rows * ROW : LEAST) + PAD;
    u32 height = TOP + own + m.other_count * (OTHER + BETWEEN);
    out_raw(&c->out, "<svg viewBox='0 0 %u %u' width='%u' role='img' aria-label='The machine'>\n",
            MEMORY_X + MEMORY + PAD,
            height, MEMORY_X + MEMORY + PAD);
    out_raw(&c->out, "<text class='h' x='%u' y='20'>devices, and what their DMA goes through</text>"
            "<text class='h' x='%u' y='20'>units</text><text class='h' x='%u' y='20'>what it reaches</text>\n", PAD,
            UNIT_X,
            MEMORY_X);
    m.drawing = true;
    draw_devices(c, &m);
    draw_units(c, &m, TOP - ROW / 2, own);
    draw_partition(c, &m, TOP - ROW / 2, own);
    draw_others(c, &m, TOP - ROW / 2 + own + BETWEEN);
    out_raw(&c->out, "</svg>\n");
}
