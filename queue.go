// SPDX-License-Identifier: Apache-2.0

package boathook

import "sync"

// queue keeps what comes until somebody takes all of it. Safe for concurrent use.
type queue[T any] struct {
	wake chan struct{} // has one when there may be something to take

	mu   sync.Mutex // guards the field below
	list []T
}

func newQueue[T any]() *queue[T] { return &queue[T]{wake: make(chan struct{}, 1)} }

func (q *queue[T]) push(one T) {
	q.mu.Lock()
	q.list = append(q.list, one)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue[T]) take() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.list
	q.list = nil
	return list
}
