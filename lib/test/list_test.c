/* The list against an array that holds what must be in it. */
#include <lib/list.h>
#include <test/test.h>

struct item {
	int value;
	struct list link;
};

static void check_values(const struct list *head, const int *expected, size_t count)
{
	size_t i = 0;
	const struct list *previous = head;
	struct item *item;
	list_for_each(item, head, link) {
		CHECK(i < count);
		CHECK_EQ(item->value, expected[i]);
		CHECK(item->link.prev == previous);
		previous = &item->link;
		i++;
	}
	CHECK_EQ(i, count);
	CHECK(head->prev == previous);
	CHECK(list_is_empty(head) == (count == 0));
}

#define CHECK_VALUES(head, ...)                                                                    \
	check_values(head, (const int[]){__VA_ARGS__}, ARRAY_LEN(((const int[]){__VA_ARGS__})))

TEST(list_pushes_at_both_ends)
{
	struct list head = LIST_INIT(head);
	struct item items[4] = {{.value = 0}, {.value = 1}, {.value = 2}, {.value = 3}};
	check_values(&head, NULL, 0);
	CHECK(!list_pop_front(&head));
	list_push_back(&head, &items[1].link);
	list_push_back(&head, &items[2].link);
	list_push_front(&head, &items[0].link);
	CHECK_VALUES(&head, 0, 1, 2);
	list_insert_between(&items[3].link, &items[0].link, &items[1].link);
	CHECK_VALUES(&head, 0, 3, 1, 2);
	CHECK_EQ(list_first(&head, struct item, link)->value, 0);
	CHECK_EQ(list_last(&head, struct item, link)->value, 2);
	CHECK(list_pop_front(&head) == &items[0].link);
	CHECK(list_is_empty(&items[0].link));
	CHECK_VALUES(&head, 3, 1, 2);
}

TEST(list_remove_leaves_the_node_alone)
{
	struct list head = LIST_INIT(head);
	struct item items[3] = {{.value = 0}, {.value = 1}, {.value = 2}};
	for (size_t i = 0; i < 3; i++)
		list_push_back(&head, &items[i].link);
	list_remove(&items[1].link);
	CHECK(list_is_empty(&items[1].link));
	list_remove(&items[1].link); /* harmless */
	CHECK_VALUES(&head, 0, 2);
}

TEST(list_safe_loop_may_remove)
{
	struct list head = LIST_INIT(head);
	struct item items[6], *pos, *next;
	for (int i = 0; i < 6; i++) {
		items[i].value = i;
		list_push_back(&head, &items[i].link);
	}
	list_for_each_safe(pos, next, &head, link) {
		if (pos->value % 2)
			list_remove(&pos->link);
	}
	CHECK_VALUES(&head, 0, 2, 4);
}

TEST(list_splice_moves_all)
{
	struct list a = LIST_INIT(a), b = LIST_INIT(b);
	struct item items[5];
	for (int i = 0; i < 5; i++) {
		items[i].value = i;
		list_push_back(i < 2 ? &a : &b, &items[i].link);
	}
	list_splice(&a, &b);
	CHECK_VALUES(&a, 0, 1, 2, 3, 4);
	check_values(&b, NULL, 0);
	list_splice(&a, &b);
	CHECK_VALUES(&a, 0, 1, 2, 3, 4);
	list_splice(&b, &a);
	CHECK_VALUES(&b, 0, 1, 2, 3, 4);
}
