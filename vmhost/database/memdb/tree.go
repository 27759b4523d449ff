package memdb

import (
	"bytes"
	"hash/fnv"
)

// node is a treap node that is never changed after it was made, so that a root is a snapshot. Priorities are a hash of
// the key: the same keys give the same tree, whatever the order, and no randomness is needed. (Seidel and Aragon,
// "Randomized search trees", 1996; treaps by hashed priority are due to the same paper.)
type node struct {
	key, value  []byte
	priority    uint64
	left, right *node
}

func priorityOf(key []byte) uint64 {
	h := fnv.New64a()
	h.Write(key)
	x := h.Sum64()
	// FNV alone keeps similar keys close; the finalizer of splitmix64 spreads them.
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

func (n *node) with(left, right *node) *node {
	return &node{key: n.key, value: n.value, priority: n.priority, left: left, right: right}
}

func get(n *node, key []byte) (value []byte, ok bool) {
	for n != nil {
		switch c := bytes.Compare(key, n.key); {
		case c == 0:
			return n.value, true
		case c < 0:
			n = n.left
		default:
			n = n.right
		}
	}
	return nil, false
}

// split divides n into the keys below key and those above it; a node with the key itself is left out.
func split(n *node, key []byte) (below, above *node) {
	if n == nil {
		return nil, nil
	}
	switch c := bytes.Compare(key, n.key); {
	case c == 0:
		return n.left, n.right
	case c < 0:
		below, middle := split(n.left, key)
		return below, n.with(middle, n.right)
	default:
		middle, above := split(n.right, key)
		return n.with(n.left, middle), above
	}
}

// merge joins two trees; every key of a is below every key of b.
func merge(a, b *node) *node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.priority >= b.priority:
		return a.with(a.left, merge(a.right, b))
	default:
		return b.with(merge(a, b.left), b.right)
	}
}

func put(n *node, key, value []byte) *node {
	below, above := split(n, key)
	leaf := &node{key: key, value: value, priority: priorityOf(key)}
	return merge(merge(below, leaf), above)
}

func remove(n *node, key []byte) *node {
	if _, ok := get(n, key); !ok {
		return n
	}
	below, above := split(n, key)
	return merge(below, above)
}

// path is the stack of nodes that are still to be visited, for walking in key order.
type path []*node

// seek leaves on the path the first node whose key isn't below start.
func (p *path) seek(n *node, start []byte) {
	for n != nil {
		if bytes.Compare(n.key, start) >= 0 {
			*p = append(*p, n)
			n = n.left
		} else {
			n = n.right
		}
	}
}

func (p *path) next() *node {
	if len(*p) == 0 {
		return nil
	}
	top := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	for n := top.right; n != nil; n = n.left {
		*p = append(*p, n)
	}
	return top
}
