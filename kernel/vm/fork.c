/* Copying an address space: areas are copied, pages are shared, and private ones lose the right to write on both sides. */
#include "vm_impl.h"

#include <abi/errno.h>
#include <arch/mmu.h>
#include <lib/atomic.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <object/object.h>

static struct area *copy_area(struct address_space *to, const struct area *area)
{
	struct area *copy = kmalloc(sizeof(*copy));
	if (!copy)
		return NULL;
	*copy = *area;
	list_init(&copy->mapping_link);
	copy->space = to;
	copy->flags &= ~(uint32_t)AREA_LOCKED;
	if (copy->object)
		object_get(copy->object);
	if (copy->cache)
		page_cache_add_area(copy->cache, copy);
	if (copy->ops && copy->ops->open)
		copy->ops->open(copy);
	return copy;
}

/* Pages of a file that the child can fault in again are not worth copying, unless they are private copies: those have no cache. */
static bool has_pages_to_copy(const struct area *area)
{
	return !(area->flags & (AREA_SHARED | AREA_WIPE_ON_FORK));
}

struct copying {
	struct address_space *to, *from;
	const struct area *area;
	int64_t anon_pages, file_pages;
	bool takes_rights; /* somebody may still write through a translation that was writable */
};

/* Both sides see the page, and whoever writes to private memory first copies it. What is gone from its file is left for the file to find. */
static pte_t share_page(struct copying *copying, pte_t *entry, unsigned level)
{
	pte_t pte = atomic_load(entry);
	struct page *page = phys_to_page(pte_paddr(pte, level));
	if (page_cache_has_dropped(page))
		return 0;
	if (pte & PTE_WRITABLE) {
		/* The processor may set its bits meanwhile. */
		atomic_fetch_and(entry, ~PTE_WRITABLE);
		copying->takes_rights = true;
	}
	if (page != vm_zero_page) {
		int64_t pages = level == 1 ? 1 : PT_ENTRIES;
		*(vm_page_is_cached(page) ? &copying->file_pages : &copying->anon_pages) += pages;
		vm_page_get(page);
	}
	return pte & ~(PTE_WRITABLE | PTE_DIRTY);
}

/* Who cuts a file takes its pages out of page tables under their lock: it must not miss those that are on their way from table to table. */
static int copy_span(struct copying *copying, const struct user_span *span)
{
	pte_t *end = span->pte + span->count, *entry = user_next_entry(span->pte, end);
	if (!entry)
		return 0;
	pte_t *target = user_slot_make(copying->to, span->va, span->level);
	if (!target)
		return -ENOMEM;
	struct spinlock *lock = copying->area->cache ? &copying->from->table.lock : NULL;
	if (lock)
		spin_lock(lock);
	for (; entry; entry = user_next_entry(entry + 1, end))
		target[entry - span->pte] = share_page(copying, entry, span->level);
	if (lock)
		spin_unlock(lock);
	return 0;
}

static int copy_pages(struct copying *copying)
{
	const struct area *area = copying->area;
	struct user_span span;
	int err = 0;
	for (uintptr_t at = area->start;
	     !err && user_span_next(copying->from, &at, area->end, &span);)
		err = copy_span(copying, &span);
	return err;
}

static void append(struct address_space *to, struct area *area, struct rb_node **last)
{
	/* Areas come in order: each goes to the right of the one before. */
	struct rb_node **link = *last ? &(*last)->right : &to->areas.root;
	rb_insert_at(&to->areas, &area->node, *last, link, !*last);
	*last = &area->node;
	to->area_count++;
	area_account(to, area, (int64_t)area_pages(area));
}

static int copy_areas(struct copying *copying)
{
	struct rb_node *node, *last = NULL;
	rb_for_each(node, &copying->from->areas) {
		struct area *area = rb_entry(node, struct area, node);
		if (area->flags & AREA_NO_FORK)
			continue;
		struct area *copy = copy_area(copying->to, area);
		if (!copy)
			return -ENOMEM;
		append(copying->to, copy, &last);
		copying->area = area;
		int err = has_pages_to_copy(area) ? copy_pages(copying) : 0;
		if (err)
			return err;
	}
	return 0;
}

static void copy_layout(struct address_space *to, const struct address_space *from)
{
	to->mmap_top = from->mmap_top;
	to->code_start = from->code_start;
	to->code_end = from->code_end;
	to->data_start = from->data_start;
	to->data_end = from->data_end;
	to->brk_start = from->brk_start;
	to->brk_end = from->brk_end;
	to->stack_top = from->stack_top;
	to->arg_start = from->arg_start;
	to->arg_end = from->arg_end;
	to->env_start = from->env_start;
	to->env_end = from->env_end;
	to->vdso = from->vdso;
	to->start_words = from->start_words;
	if (to->start_words)
		atomic_fetch_add(&to->start_words->refs, 1);
	to->has_sealed = from->has_sealed;
}

struct address_space *address_space_clone(struct address_space *from)
{
	struct address_space *to = address_space_create();
	if (!to)
		return NULL;
	struct copying copying = {.to = to, .from = from};
	rwlock_write_lock(&from->lock);
	copy_layout(to, from);
	int err = copy_areas(&copying);
	to->resident_anon = (uint64_t)copying.anon_pages;
	to->resident_file = (uint64_t)copying.file_pages;
	if (copying.takes_rights)
		user_flush_everything(from);
	rwlock_write_unlock(&from->lock);
	if (err) {
		address_space_put(to);
		return NULL;
	}
	return to;
}
