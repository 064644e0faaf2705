// SPDX-License-Identifier: Apache-2.0

package netnsdir

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/netns"
)

// Name is the runtime of the containers that this package reports.
const Name = "netns"

const (
	// mountTime is how long after its file the mount of a name may come.
	mountTime = 5 * time.Second
	// mountPoll is how often the mount is looked for.
	mountPoll = 10 * time.Millisecond
)

// Options are the settings of a [Source]. The zero value works.
type Options struct {
	// Dir is the folder with the names; /run/netns if it is empty.
	Dir string
}

// Source reports the network namespaces in one folder. It is safe for
// concurrent use and holds nothing open outside of Watch. During Watch it holds
// every namespace that it has reported open, so that none is mistaken for
// another.
type Source struct {
	dir string
}

// New returns a source. The folder need not exist.
func New(opts Options) (*Source, error) {
	dir, err := filepath.Abs(cmp.Or(opts.Dir, netns.RunDir))
	if err != nil {
		return nil, fmt.Errorf("find folder %s: %w", opts.Dir, err)
	}
	return &Source{dir: dir}, nil
}

// Name returns [Name].
func (*Source) Name() string { return Name }

// Dir returns the folder with the names.
func (s *Source) Dir() string { return s.dir }

// Watch reports the namespaces in the folder, see [container.Source]. Name and
// ID of each are the name of its file. A name that is unmounted but not removed
// is not noticed. It needs CAP_SYS_ADMIN, and returns an error only if the folder
// cannot be followed or read.
func (s *Source) Watch(ctx context.Context, emit func(container.Event)) error {
	notes, err := openNotifier(s.dir)
	if err != nil {
		return fmt.Errorf("watch %s: %w", s.dir, err)
	}
	defer notes.close()
	w := &watch{dir: s.dir, emit: emit, known: map[string]*netns.NS{}, waiting: map[string]time.Time{}}
	defer w.close()
	if err := w.scan(); err != nil {
		return err
	}
	emit(container.Event{Type: container.Synced})
	w.follow(ctx, notes)
	return nil
}
