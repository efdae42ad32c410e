/* SPDX-License-Identifier: BSD-2-Clause */
/* See program_place.h. */
#include "boot/program_place.h"

static bool is_ram(const struct handover_partition *p, u64 gpa, u64 size)
{
    for (u32 i = 0; i < p->span_count; i++) {
        const struct partition_span *s = &p->spans[i];
        if (partition_map_is_ram(s) && gpa >= s->gpa && size <= s->size && gpa - s->gpa <= s->size - size) {
            return true;
        }
    }
    return false;
}

/* The piece that has some of [gpa, gpa + size), which is RAM; NULL: none. */
static const struct program_piece *taken(const struct program_start *start, u64 gpa, u64 size)
{
    for (u32 i = 0; i < start->count; i++) {
        const struct program_piece *p = &start->pieces[i];
        if (p->gpa < gpa + size && gpa < p->gpa + p->size) {
            return p;
        }
    }
    return NULL;
}

bool program_place(const struct program_request *request, struct program_start *out, struct program_piece piece)
{
    if (out->count == PROGRAM_PIECES || piece.file_size > piece.size || piece.size == 0 ||
        !is_ram(request->partition, piece.gpa, piece.size) || taken(out, piece.gpa, piece.size) != NULL) {
        return false;
    }
    out->pieces[out->count++] = piece;
    return true;
}

/* In one span. */
static bool find_below(const struct program_start *start, const struct partition_span *span, u64 limit, u64 size,
                       u64 *gpa)
{
    u64 end = span->gpa + span->size;
    end = end < limit ? end : limit;
    while (end > span->gpa && size <= end - span->gpa) {
        u64 at = (end - size) & ~PAGE_MASK;
        const struct program_piece *in_the_way = at < span->gpa ? NULL : taken(start, at, size);
        if (at >= span->gpa && in_the_way == NULL) {
            *gpa = at;
            return true;
        }
        end = in_the_way != NULL ? in_the_way->gpa : span->gpa;
    }
    return false;
}

bool program_place_initrd(const struct program_request *request, u64 limit, struct program_start *out, u64 *gpa,
                      struct program_refusal *why)
{
    const struct handover_partition *p = request->partition;
    const struct program_file *initrd = &request->initrd;
    for (u32 i = p->span_count; i-- > 0;) {
        if (partition_map_is_ram(&p->spans[i]) && find_below(out, &p->spans[i], limit, initrd->size, gpa) &&
            program_place(request, out, (struct program_piece){*gpa, initrd->size, initrd->bytes, initrd->size})) {
            return true;
        }
    }
    return program_refuse(why, "initrd", "a file that fits the partition's memory beside the image");
}
