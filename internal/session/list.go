// SPDX-License-Identifier: Apache-2.0

package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/enrich"
)

// listTimeout is how long a source may take to say what runs.
const listTimeout = 15 * time.Second

// Listing is what runs at one moment.
type Listing struct {
	// Containers are those that the targets ask for, by runtime and name.
	Containers []container.Container
	// Failures say which runtimes did not answer.
	Failures []error
}

// List asks the runtimes once for what the targets name; no targets: for all. The
// error, if nothing matches or no runtime answers, carries a hint and an exit
// code: see package fault.
func List(ctx context.Context, t Targets) (Listing, error) {
	everything := t.Empty()
	if everything || t.onlyInterfaces() {
		t.All = true
	}
	sources, err := t.sources()
	if err != nil {
		return Listing{}, err
	}
	crowd, err := newCrowd(t, &enrich.Index{})
	if err != nil {
		return Listing{}, err
	}
	list := ask(ctx, sources, crowd)
	switch {
	case len(list.Failures) == len(sources), len(list.Failures) > 0 && len(list.Containers) == 0 && t.picksContainers():
		return list, unreachable(list.Failures)
	case len(list.Containers) == 0 && !everything:
		return list, crowd.noMatch(t)
	}
	slices.SortFunc(list.Containers, func(a, b container.Container) int {
		return cmp.Or(cmp.Compare(a.Runtime, b.Runtime), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// ask asks all sources at once.
func ask(ctx context.Context, sources []container.Source, crowd *crowd) Listing {
	found := make([][]container.Container, len(sources))
	errs := make([]error, len(sources))
	var wg sync.WaitGroup
	for i, source := range sources {
		wg.Go(func() { found[i], errs[i] = snapshot(ctx, source, crowd.admit) })
	}
	wg.Wait()
	var list Listing
	for i := range sources {
		list.Containers = append(list.Containers, found[i]...)
		if errs[i] != nil {
			list.Failures = append(list.Failures, errs[i])
		}
	}
	return list
}

// snapshot follows a source until it has told what runs.
func snapshot(ctx context.Context, source container.Source, admit func(container.Container) bool) ([]container.Container, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	var found []container.Container
	places := map[string]int{} // in found, by id
	synced := false
	err := source.Watch(ctx, func(e container.Event) {
		switch {
		case synced:
		case e.Type == container.Synced:
			synced = true
			cancel()
		case (e.Type == container.Added || e.Type == container.Changed) && admit(e.Container):
			if place, known := places[e.Container.ID]; known {
				found[place] = e.Container
				return
			}
			places[e.Container.ID] = len(found)
			found = append(found, e.Container)
		}
	})
	if err == nil && !synced {
		err = fmt.Errorf("%s does not answer: %w", source.Name(), errors.Join(container.ErrUnavailable, context.Cause(ctx)))
	}
	return found, err
}
