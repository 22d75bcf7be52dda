/*
 * Intrusive doubly linked list: the links are members of the things listed, so nothing is
 * allocated and a thing can leave its list without a search.
 */
#pragma once

#include "base/base.h"

struct list_node {
	struct list_node *prev, *next; /* both NULL: in no list */
};

struct list {
	struct list_node head;
};

static inline void list_init(struct list *list)
{
	list->head.prev = list->head.next = &list->head;
}

static inline bool list_empty(const struct list *list)
{
	return list->head.next == &list->head;
}

static inline void list_insert_before(struct list_node *at, struct list_node *node)
{
	node->prev = at->prev;
	node->next = at;
	at->prev->next = node;
	at->prev = node;
}

static inline void list_append(struct list *list, struct list_node *node)
{
	list_insert_before(&list->head, node);
}

static inline void list_prepend(struct list *list, struct list_node *node)
{
	list_insert_before(list->head.next, node);
}

/** Leave the list; harmless for a node that is in none. */
static inline void list_remove(struct list_node *node)
{
	if (!node->next)
		return;
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->prev = node->next = NULL;
}

static inline struct list_node *list_first(const struct list *list)
{
	return list_empty(list) ? NULL : list->head.next;
}

static inline struct list_node *list_last(const struct list *list)
{
	return list_empty(list) ? NULL : list->head.prev;
}

static inline struct list_node *list_next(const struct list *list, const struct list_node *node)
{
	return node->next == &list->head ? NULL : node->next;
}

#define LIST_ENTRY(node, type, member) CONTAINER_OF(node, type, member)
/* The body may remove `node` itself, but no other. */
#define LIST_EACH(list, node)                                                                      \
	for (struct list_node *node = (list)->head.next, *node##_next = node->next;                \
	     node != &(list)->head; node = node##_next, node##_next = node->next)
