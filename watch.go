// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"context"
	"fmt"
	"time"

	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
)

// linkMemory is how long the links of a target that is gone stay known.
const linkMemory = 10 * time.Second

// change is a link change with the home that reported it.
type change struct {
	home netns.Key
	linktable.Change
}

// watch attaches to links that come and forgets those that go, until ctx is done.
func (r *Runtime) watch(ctx context.Context) {
	retry := time.NewTicker(firstRetry)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.changes.wake:
			r.followLinks(ctx, r.changes.take())
		case <-retry.C:
			r.retry(ctx)
		}
	}
}

func (r *Runtime) followLinks(ctx context.Context, list []change) {
	r.mu.Lock()
	r.followLinksLocked(ctx, list)
	r.unlockAndTell()
}

// unlockAndTell is unlock for what nobody called.
func (r *Runtime) unlockAndTell() {
	if err := r.unlock(); err != nil {
		r.notify(Notice{Err: fmt.Errorf("free copies of the program: %w", err)})
	}
}

func (r *Runtime) followLinksLocked(ctx context.Context, list []change) {
	if r.closed {
		return
	}
	for _, c := range list {
		if c.Kind == linktable.Stale {
			r.notify(Notice{Err: fmt.Errorf("links may come and go unseen: %w", c.Err)})
		}
	}
	r.endExactLocked(list)
	concerned := r.concernedLocked(list)
	r.reconcileLocked(ctx, concerned)
	for _, t := range concerned {
		if t.err != nil {
			r.notify(Notice{Target: t.anyTarget(), Err: t.err})
		}
	}
}

// tellLocked reports the number of attachments if it is another one.
func (r *Runtime) tellLocked() {
	if r.attached != r.told && r.opts.Changed != nil {
		r.opts.Changed(r.attached)
	}
	r.told = r.attached
}

func (r *Runtime) notify(n Notice) {
	if r.opts.Notify != nil {
		r.opts.Notify(n)
	}
}
