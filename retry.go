// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"context"
	"errors"
	"os"
	"time"
)

// Retries of what could not be attached begin after firstRetry and double up to lastRetry.
const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// backoff says when to try again what fails. The zero value is due at once.
type backoff struct {
	delay time.Duration
	next  time.Time
}

func (b *backoff) due(now time.Time) bool { return !now.Before(b.next) }

func (b *backoff) failed(now time.Time) {
	b.delay = min(max(2*b.delay, firstRetry), lastRetry)
	b.next = now.Add(b.delay)
}

// failure is a target of Follow that could not be attached and is tried again.
type failure struct {
	backoff

	target Target
}

// retry tries again what Follow could not attach, and tenants left incomplete.
func (r *Runtime) retry(ctx context.Context) {
	r.mu.Lock()
	r.retryLocked(ctx)
	r.unlockAndTell()
}

func (r *Runtime) retryLocked(ctx context.Context) {
	if r.closed {
		return
	}
	now := time.Now()
	r.retryTargetsLocked(ctx, now)
	r.retryTenantsLocked(ctx, now)
	for inode, since := range r.departed {
		if now.Sub(since) > linkMemory {
			r.links.set(inode, nil)
			delete(r.departed, inode)
		}
	}
}

func (r *Runtime) retryTargetsLocked(ctx context.Context, now time.Time) {
	var due []Target
	for _, f := range r.failed {
		if f.due(now) {
			due = append(due, f.target)
		}
	}
	if len(due) == 0 {
		return
	}
	failed, err := r.addEachLocked(ctx, due)
	if err != nil {
		r.notify(Notice{Err: err})
	}
	for _, target := range due {
		switch err := failed[target.ID]; {
		case err == nil && r.targets[target.ID] == nil: // given up halfway
		case err != nil && !isFinal(err):
			r.failed[target.ID].failed(now)
		default:
			delete(r.failed, target.ID)
			r.notify(Notice{Target: target.ID, Err: err})
		}
	}
}

func (r *Runtime) retryTenantsLocked(ctx context.Context, now time.Time) {
	var incomplete []*tenant
	for _, t := range r.tenants {
		if t.err != nil && t.retry.due(now) {
			incomplete = append(incomplete, t)
		}
	}
	r.reconcileLocked(ctx, incomplete)
	for _, t := range incomplete {
		if t.err != nil {
			t.retry.failed(now)
		} else {
			t.retry = backoff{}
		}
	}
}

// isFinal says whether trying again cannot help.
func isFinal(err error) bool {
	return errors.Is(err, ErrHostNetwork) || errors.Is(err, os.ErrNotExist)
}
