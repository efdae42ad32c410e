/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See html.h: the page, and the path of a DMA as SVG, with a column for each kind of table that it goes through.
 * Colours follow the reader's light or dark.
 */
#include "tools/nestorctl/html.h"

#include "drivers/format.h"
#include "tools/nestorctl/devices.h"
#include "tools/nestorctl/words.h"

enum { STEPS = 48, FIELDS = 320, NAME = 96 };
enum { LANE = 316, BOX = 290, LINE = 16, PAD = 10, GAP = 26, TOP = 44, LINE_CHARS = 42 };

static const char style[] =
    "<style>\n"
    ":root{color-scheme:light dark;--bg:#ffffff;--ink:#1c2430;--soft:#5b6675;--line:#c3ccd8;--box:#f5f7fa;\n"
    "--unit:#1f5fbf;--first:#8a4bb0;--second:#14785a;--stop:#b3261e;--mem:#8a6100}\n"
    "@media (prefers-color-scheme:dark){:root{--bg:#12161c;--ink:#e8edf4;--soft:#a3b0c0;--line:#3a4554;--box:#1b222c;\n"
    "--unit:#7fb2ff;--first:#d7a3f5;--second:#63d0a8;--stop:#ff8a80;--mem:#f0c66a}}\n"
    "body{margin:0 auto;padding:24px;max-width:1320px;background:var(--bg);color:var(--ink);"
    "font:15px/1.5 system-ui,sans-serif}\n"
    "h1{font-size:22px;margin:0 0 4px}h2{font-size:17px;margin:28px 0 8px}p{margin:4px 0;color:var(--soft)}\n"
    "svg{display:block;max-width:100%;height:auto}\n"
    "text{fill:var(--ink);font:12px ui-monospace,monospace}.t{font:600 13px system-ui,sans-serif}\n"
    ".h{font:600 13px system-ui,sans-serif;fill:var(--soft)}.s{fill:var(--soft)}\n"
    "rect{fill:var(--box);stroke:var(--line);rx:4}.a{fill:none;stroke:var(--soft);stroke-width:1.5;"
    "marker-end:url(#m)}\n"
    ".unit{stroke:var(--unit)}.first{stroke:var(--first)}.second{stroke:var(--second)}.stop{stroke:var(--stop)}\n"
    ".mem{stroke:var(--mem);stroke-width:2}.w{stroke-width:1.5;fill:none}#m path{fill:var(--soft);stroke:none}\n"
    "b.stop{color:var(--stop)}b.mem{color:var(--mem)}i{font-style:normal;font-weight:600}i.unit{color:var(--unit)}\n"
    "i.first{color:var(--first)}i.second{color:var(--second)}i.stop{color:var(--stop)}\n"
    "pre{margin:12px 0;font:12px/1.4 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}\n"
    "</style>\n";

struct path {
    struct status_request request;
    struct status_step_record steps[STEPS];
    u32 count;
    struct status_end end;
};

/* --- the path --- */

static void read_path(struct ctl *c, struct path *p)
{
    p->count = 0;
    for (const struct status_record *r = NULL; (r = status_client_next(&c->client, r)) != NULL;) {
        if (r->type == STATUS_REQUEST) {
            status_client_copy(r, &p->request, sizeof(p->request));
        } else if (r->type == STATUS_END) {
            status_client_copy(r, &p->end, sizeof(p->end));
        } else if (r->type == STATUS_STEP && p->count < STEPS) {
            status_client_copy(r, &p->steps[p->count++], sizeof(p->steps[0]));
        }
    }
}

/* A second-stage entry on the way to a first-stage table, which is told in that table's box. */
static bool is_aside(const struct path *p, u32 i)
{
    u32 next = i;
    while (next < p->count && p->steps[next].kind == STATUS_STEP_SECOND_STAGE) {
        next++;
    }
    return p->steps[i].kind == STATUS_STEP_SECOND_STAGE && next < p->count;
}

static u32 lane_of(const struct status_step_record *s)
{
    return s->kind == STATUS_STEP_FIRST_STAGE ? 1 : s->kind == STATUS_STEP_SECOND_STAGE ? 2 : 0;
}

/* How much of the text goes on a line: up to a blank, where there is one. */
static u32 line_of(const char *text)
{
    u32 n = 0;
    u32 blank = 0;
    for (; text[n] != '\0' && n < LINE_CHARS; n++) {
        blank = text[n] == ' ' ? n : blank;
    }
    return text[n] == '\0' || blank == 0 ? n : blank;
}

static u32 lines_of(const char *text)
{
    u32 lines = 0;
    while (*text != '\0') {
        text += line_of(text);
        text += *text == ' ' ? 1 : 0;
        lines++;
    }
    return lines;
}

static void draw_lines(struct ctl *c, u32 x, u32 y, const char *text)
{
    while (*text != '\0') {
        u32 n = line_of(text);
        out_raw(&c->out, "<text x='%u' y='%u'>%.*s</text>\n", x, y, (int)n, text);
        text += n;
        text += *text == ' ' ? 1 : 0;
        y += LINE;
    }
}

static void draw_arrow(struct ctl *c, u32 from_x, u32 from_y, u32 x, u32 y)
{
    u32 middle = (from_y + y) / 2;
    out_raw(&c->out, "<path class='a' d='M%u %uV%uH%uV%u'/>\n", from_x, from_y, middle, x, y);
}

/* Where the last box ended. */
struct pen {
    u32 x, y;
};

static void draw_box(struct ctl *c, struct pen *pen, u32 lane, const char *kind, const char *title,
                     const char *const *text)
{
    u32 x = PAD + lane * LANE;
    u32 y = pen->y + GAP;
    u32 lines = 1;
    for (u32 i = 0; text[i] != NULL; i++) {
        lines += lines_of(text[i]);
    }
    u32 height = lines * LINE + PAD;
    if (pen->x != 0) {
        draw_arrow(c, pen->x, pen->y, x + BOX / 2, y);
    }
    out_raw(&c->out,
            "<rect class='%s' x='%u' y='%u' width='%u' height='%u'/>\n<text class='t' x='%u' y='%u'>%s</text>\n", kind,
            x, y, BOX, height, x + PAD, y + LINE, title);
    u32 at = y + 2 * LINE;
    for (u32 i = 0; text[i] != NULL; i++) {
        draw_lines(c, x + PAD, at, text[i]);
        at += lines_of(text[i]) * LINE;
    }
    *pen = (struct pen){x + BOX / 2, y + height};
}

static void draw_step(struct ctl *c, struct pen *pen, const struct path *p, u32 i, u32 aside)
{
    static const char *const kinds[] = {"unit", "first", "second"};
    const struct status_step_record *s = &p->steps[i];
    u32 lane = lane_of(s);
    char title[64];
    char place[64];
    char fields[FIELDS];
    char side[64] = "";
    words_step_fields(s, p->request.legacy != 0, fields, sizeof(fields));
    (void)format_text(title, sizeof(title), lane != 0 ? "%s, level %u" : "%s", words_step(s->kind), s->level);
    (void)format_text(place, sizeof(place), "%s 0x%llx", s->kind == STATUS_STEP_FIRST_STAGE ? "guest address" : "at",
            s->at);
    if (aside != 0) {
        (void)format_text(side, sizeof(side), "found by %u second-stage entries", aside);
    }
    const char *const text[] = {place, fields, side[0] != '\0' ? side : NULL, NULL};
    draw_box(c, pen, lane, kinds[lane], title, text);
}

static void draw_end(struct ctl *c, struct pen *pen, const struct path *p)
{
    char place[64];
    bool reaches = p->end.outcome == STATUS_OUTCOME_ADDRESS;
    (void)format_text(place, sizeof(place), "0x%llx", p->end.address);
    const char *const text[] = {place, reaches ? NULL : words_outcome(p->end.outcome), NULL};
    draw_box(c, pen, 3, reaches ? "mem" : "stop", reaches ? "host memory" : "ends here", text);
}

/* Twice: the first time for its height. */
static u32 draw_path(struct ctl *c, const struct path *p)
{
    struct pen pen = {0, TOP - GAP};
    u32 aside = 0;
    for (u32 i = 0; i < p->count; i++) {
        if (is_aside(p, i)) {
            aside++;
        } else {
            draw_step(c, &pen, p, i, aside);
            aside = 0;
        }
    }
    draw_end(c, &pen, p);
    return pen.y + PAD;
}

static void drop(const char *text, size_t length)
{
    (void)text, (void)length;
}

static void svg_path(struct ctl *c, const struct path *p)
{
    static const char *const heads[] = {"Nestor's tables of the unit", "the guest's first stage",
                                        "second stage = EPT", "memory"};
    void (*put)(const char *text, size_t length) = c->out.put;
    c->out.put = drop;
    u32 height = draw_path(c, p);
    c->out.put = put;
    out_raw(&c->out, "<svg viewBox='0 0 %u %u' width='%u' role='img' aria-label='The path of one DMA'>\n", 4 * LANE,
            height, 4 * LANE);
    for (u32 i = 0; i < ARRAY_LEN(heads); i++) {
        out_raw(&c->out, "<text class='h' x='%u' y='24'>%s</text>\n", PAD + i * LANE, heads[i]);
    }
    (void)draw_path(c, p);
    out_raw(&c->out, "</svg>\n");
}

/* --- the page --- */

static void head(struct ctl *c, const char *title)
{
    out_raw(&c->out, "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>\n"
            "<meta name='viewport' content='width=device-width,initial-scale=1'>\n<title>Nestor: %s</title>\n", title);
    out_raw(&c->out, "%.900s", style);
    out_raw(&c->out, "%.900s", style + (sizeof(style) > 900 ? 900 : sizeof(style) - 1));
    out_raw(&c->out, "%s", style + (sizeof(style) > 1800 ? 1800 : sizeof(style) - 1));
    out_raw(&c->out, "</head><body>\n<svg width='0' height='0'><defs><marker id='m' viewBox='0 0 8 8' refX='7' "
            "refY='4' markerWidth='7' markerHeight='7' orient='auto'><path d='M0 0L8 4L0 8z'/></marker></defs></svg>\n"
            "<h1>%s</h1>\n", title);
}

static void head_of_path(struct ctl *c, const struct path *p, u32 function)
{
    char text[16];
    char name[NAME];
    char title[64];
    words_function(function, text);
    platform_function_name(function, name, sizeof(name));
    (void)format_text(title, sizeof(title), "A DMA of %s to 0x%llx", text, p->request.address);
    head(c, title);
    out_raw(&c->out, "<p>");
    html_text(c, name);
    out_raw(&c->out, "%sUnit %u, %s. <b class='%s'>%s</b> (0x%llx).</p>\n", name[0] != '\0' ? ". " : "",
            p->request.unit,
            p->request.legacy != 0 ? "legacy mode" : "scalable mode",
            p->end.outcome == STATUS_OUTCOME_ADDRESS ? "mem" : "stop", words_outcome(p->end.outcome), p->end.address);
}

enum ctl_status html_dump(struct ctl *c, const struct ctl_dump *dump)
{
    static struct path path;
    u32 argument[STATUS_ARGUMENTS];
    bool assumed;
    if (devices_read(c) != CTL_OK || !ctl_dump_argument(c, dump, argument, &assumed) ||
        !status_client_take(&c->client, STATUS_REPORT_DUMP, argument)) {
        return CTL_SILENT;
    }
    read_path(c, &path);
    head_of_path(c, &path, dump->function);
    out_raw(&c->out, "<h2>The path</h2>\n");
    svg_path(c, &path);
    html_machine(c, dump->function);
    out_raw(&c->out, "</body></html>\n");
    return CTL_OK;
}

static struct ctl *printing;
static void (*plain)(const char *text, size_t length);

/* What a command prints as lines, inside of a page. */
static void put_escaped(const char *text, size_t length)
{
    char piece[64];
    size_t column = printing->out.column;
    printing->out.put = plain;
    while (length != 0) {
        size_t n = length < sizeof(piece) - 1 ? length : sizeof(piece) - 1;
        (void)format_text(piece, sizeof(piece), "%.*s", (int)n, text);
        html_lines(printing, piece);
        text += n;
        length -= n;
    }
    printing->out.put = put_escaped;
    printing->out.column = column;
}

enum ctl_status html_report(struct ctl *c, bool with_entries)
{
    enum ctl_status s = devices_read(c);
    if (s != CTL_OK) {
        return s;
    }
    head(c, "A machine with Nestor");
    html_machine(c, HTML_NO_FUNCTION);
    out_raw(&c->out, "<h2>The report</h2>\n<pre>");
    printing = c;
    plain = c->out.put;
    c->out.put = put_escaped;
    s = ctl_report(c, with_entries);
    c->out.put = plain;
    out_raw(&c->out, "</pre>\n</body></html>\n");
    return s;
}
