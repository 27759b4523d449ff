package driver

// queue is a first-in-first-out list that reuses its space.
type queue[T any] struct {
	items []T
	head  int
}

func (q *queue[T]) len() int { return len(q.items) - q.head }

func (q *queue[T]) push(v T) { q.items = append(q.items, v) }

func (q *queue[T]) first() *T { return &q.items[q.head] }

func (q *queue[T]) pop() T {
	v := *q.first()
	q.drop()
	return v
}

// drop takes the first out and forgets it.
func (q *queue[T]) drop() {
	var zero T
	q.items[q.head] = zero
	q.head++
	switch {
	case q.head == len(q.items):
		q.items, q.head = q.items[:0], 0
	case q.head > 1024 && 2*q.head > len(q.items):
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
}

func (q *queue[T]) clear() { q.items, q.head = nil, 0 }

// all lists what is in the queue, oldest first.
func (q *queue[T]) all() []T { return q.items[q.head:] }
