// SPDX-License-Identifier: Apache-2.0

package docker

import (
	"context"
	"fmt"
	"sync"
	"time"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/boathook/boathook/container"
)

// parallelInspects is how many containers are asked for at a time: enough that
// one that hangs does not matter, and few enough not to be a burden.
const parallelInspects = 8

// question asks the daemon for one container.
type question struct {
	id string
	// fallback is reported if there is no answer.
	fallback container.Container
	// changed is true if something is different whatever the answer says.
	changed bool
}

type answer struct {
	question *question
	response api.InspectResponse
	err      error
}

// inspector asks questions side by side. It belongs to one goroutine, which
// reads the answers.
type inspector struct {
	client  *client.Client
	timeout time.Duration
	answers chan answer
	slots   chan struct{}
	workers *sync.WaitGroup
	// asked has the newest question for an id.
	asked map[string]*question
}

func newInspector(cli *client.Client, timeout time.Duration) inspector {
	return inspector{
		client: cli, timeout: timeout,
		answers: make(chan answer),
		slots:   make(chan struct{}, parallelInspects),
		workers: new(sync.WaitGroup),
		asked:   map[string]*question{},
	}
}

// ask starts to ask. The answer to an older question for the same id, which
// may be outdated, will be ignored.
func (i *inspector) ask(ctx context.Context, q *question) {
	if old := i.asked[q.id]; old != nil && old.changed {
		q.changed = true
	}
	i.asked[q.id] = q
	i.workers.Go(func() {
		select {
		case i.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		a := i.fetch(ctx, q)
		<-i.slots
		select {
		case i.answers <- a:
		case <-ctx.Done():
		}
	})
}

func (i *inspector) fetch(ctx context.Context, q *question) answer {
	ctx, cancel := withAnswer(ctx, i.timeout)
	defer cancel()
	result, err := i.client.ContainerInspect(ctx, q.id, client.ContainerInspectOptions{})
	if err != nil {
		return answer{question: q, err: fmt.Errorf("inspect container %s: %w", q.id, cause(ctx, err))}
	}
	if id := result.Container.ID; id != q.id {
		return answer{question: q, err: fmt.Errorf("inspect container %s: answer is about %q", q.id, id)}
	}
	return answer{question: q, response: result.Container}
}

// isAsked reports whether an answer about id is to come.
func (i *inspector) isAsked(id string) bool { return i.asked[id] != nil }

// accept reports whether a belongs to the newest question for its id, which is
// then answered.
func (i *inspector) accept(a answer) bool {
	if i.asked[a.question.id] != a.question {
		return false
	}
	delete(i.asked, a.question.id)
	return true
}
