/*
 * Putting the vDSO into address spaces: pages made once at boot, the kernel's data page first, then the code, mapped as one object.
 */
#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <abi/linux/mman.h>
#include <arch/user.h>
#include <lib/string.h>
#include <log/assert.h>
#include <mm/page_alloc.h>
#include <object/object.h>
#include <vdso/page.h>
#include <vdso/vdso.h>
#include <vm/address_space.h>
#include <x86/cpuid.h>

#define PAGES_MAX 4

extern const uint8_t vdso_image[], vdso_image_end[];

static struct page *pages[PAGES_MAX]; /* I after boot; [0] is the data page */
static size_t page_count;
static struct object vdso_object;

static int fault(struct area *area, struct fault *fault)
{
	(void)area;
	if (fault->page_offset >= page_count)
		return -EFAULT;
	fault->page = pages[fault->page_offset];
	page_get(fault->page);
	return 0;
}

static const struct area_ops vdso_area_ops = {.fault = fault};

static int map(struct object *object, struct area *area)
{
	area->object = object_get(object);
	area->ops = &vdso_area_ops;
	area->flags |= AREA_VDSO | AREA_FIXED_SIZE;
	area->max_prot = VM_READ | VM_EXEC;
	area->name = "[vdso]";
	return 0;
}

/* The object is one, for good. */
static void never_freed(struct object *object)
{
	(void)object;
}

static const struct object_ops vdso_ops = {
    .type = OBJECT_MEMORY, .map = map, .free = never_freed, .poll = object_always_ready};

void vdso_init(void)
{
	size_t len = (size_t)(vdso_image_end - vdso_image);
	page_count = 1 + DIV_ROUND_UP(len, PAGE_SIZE);
	assert(page_count <= PAGES_MAX);
	for (size_t i = 0; i < page_count; i++) {
		pages[i] = page_alloc(0, PAGE_ZERO);
		if (!pages[i])
			panic("no memory for the vDSO");
		pages[i]->owner_data = 0;
		size_t at = (i - 1) * PAGE_SIZE;
		if (i)
			memcpy(page_to_virt(pages[i]), vdso_image + at,
			    min(len - at, (size_t)PAGE_SIZE));
	}
	struct vdso_page *page = page_to_virt(pages[0]);
	page->has_rdtscp = cpu_features.rdtscp;
	clock_publish(&page->clock);
	object_init(&vdso_object, &vdso_ops, O_RDONLY);
}

int user_map_vdso(struct address_space *space, uaddr_t *base)
{
	int64_t at = vm_map(
	    space, 0, page_count * PAGE_SIZE, PROT_READ | PROT_EXEC, MAP_SHARED, &vdso_object, 0);
	if (at < 0)
		return (int)at;
	base->va = (uintptr_t)at + PAGE_SIZE;
	return 0;
}
