package broker

// fifo is a list of items that reuses its space and takes items back at its head.
type fifo struct {
	items []*item
	head  int
}

func (q *fifo) len() int { return len(q.items) - q.head }

func (q *fifo) push(it *item) { q.items = append(q.items, it) }

func (q *fifo) peek() *item { return q.items[q.head] }

func (q *fifo) pop() *item {
	it := q.items[q.head]
	q.items[q.head] = nil
	q.head++
	switch {
	case q.head == len(q.items):
		q.items, q.head = q.items[:0], 0
	case q.head > 1024 && 2*q.head > len(q.items):
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	return it
}

// front puts items before all others, keeping their order.
func (q *fifo) front(items []*item) {
	if len(items) == 0 {
		return
	}
	q.items, q.head = append(append(make([]*item, 0, len(items)+q.len()), items...), q.items[q.head:]...), 0
}

// sweep drops the items that have ended while they waited; it tells how many.
func (q *fifo) sweep() (n int) {
	keep := q.items[:q.head]
	for _, it := range q.items[q.head:] {
		if !it.gone {
			keep = append(keep, it)
		}
	}
	n = len(q.items) - len(keep)
	clear(q.items[len(keep):])
	q.items = keep
	return n
}

// drain takes all.
func (q *fifo) drain() []*item {
	all := q.items[q.head:]
	q.items, q.head = nil, 0
	return all
}
