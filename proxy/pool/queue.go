package pool

import "time"

// A waiter is a request that waits for a connection.
type waiter struct {
	fresh    bool          // takes only a connection that was just dialled
	granted  chan grant    // holds one
	patience time.Duration // for how long it waits without a dial under way

	// guarded by the group's mutex
	ticket     uint64 // order of arrival in the group
	queued     bool
	prev, next *waiter
}

// A grant ends a wait.
type grant struct {
	c       *conn
	dialled bool // c was just dialled and carried nothing yet
	err     error
}

// A queue is a FIFO of waiters from which any may leave. The zero value is empty.
type queue struct {
	head, tail *waiter
	n          int
}

func (q *queue) len() int       { return q.n }
func (q *queue) first() *waiter { return q.head }

// firstFor returns the first waiter that takes what there is.
func (q *queue) firstFor(justDialled bool) *waiter {
	w := q.head
	for w != nil && w.fresh && !justDialled {
		w = w.next
	}
	return w
}

// ahead counts those before w.
func (q *queue) ahead(w *waiter) int {
	n := 0
	for p := w.prev; p != nil; p = p.prev {
		n++
	}
	return n
}

func (q *queue) push(w *waiter) {
	w.queued, w.prev, w.next = true, q.tail, nil
	if q.tail != nil {
		q.tail.next = w
	} else {
		q.head = w
	}
	q.tail = w
	q.n++
}

func (q *queue) pushFront(w *waiter) {
	w.queued, w.prev, w.next = true, nil, q.head
	if q.head != nil {
		q.head.prev = w
	} else {
		q.tail = w
	}
	q.head = w
	q.n++
}

func (q *queue) remove(w *waiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		q.head = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		q.tail = w.prev
	}
	w.queued, w.prev, w.next = false, nil, nil
	q.n--
}
