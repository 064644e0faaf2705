// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
)

// Runtime runs one program on any number of targets. Safe for concurrent use.
type Runtime struct {
	opts     Options
	backend  hook.Backend
	hookOpts hook.Options
	self     *netns.NS
	changes  *queue[change] // until the watching goroutine takes them
	stop     context.CancelFunc
	watching sync.WaitGroup
	links    linkIndex

	mu      sync.Mutex // guards the fields below
	closed  bool
	program Program
	source  *dispatch.Source
	loads   map[loadKey][]*load
	idle    []*load // to be freed by unlock
	spaces  map[netns.Key]*space
	// tenants are the network namespaces with targets in them; the zero key is
	// the one tenant of all interface targets.
	tenants map[netns.Key]*tenant
	targets map[string]*tenant // by target id
	failed  map[string]*failure
	// departed are the inodes of network namespaces whose last targets are gone:
	// their links stay known for events that are still on their way.
	departed map[uint32]time.Time
	// past is what attachments that are gone have counted, made how many there ever
	// were, told the number last given to Options.Changed.
	past Counters
	made int
	told int
	// attached is the number of attachments, copies that of loads for one link each.
	attached, copies int
	directory        *directory
	lonely           *linktable.Watcher // nil until there is one to watch
}

// New checks and loads the program; nothing is attached yet. The caller must
// Close the Runtime.
//
// Returns an error that wraps [ErrRefused] for a program that could do harm or that
// the kernel would not let run, [ErrNoProgram] for one that is not there or nil,
// [ErrClosed] for one that the caller has closed, [ErrNotSupported] for a backend
// that the kernel has not, *ebpf.VerifierError if the kernel rejects the program,
// and os.ErrPermission without the rights. Requires CAP_BPF, CAP_NET_ADMIN and
// CAP_SYS_ADMIN.
func New(opts Options) (*Runtime, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	r := &Runtime{
		opts: opts, program: opts.Program,
		loads: map[loadKey][]*load{}, spaces: map[netns.Key]*space{},
		tenants: map[netns.Key]*tenant{}, targets: map[string]*tenant{}, failed: map[string]*failure{}, departed: map[uint32]time.Time{},
	}
	r.changes, r.directory = newQueue[change](), newDirectory()
	if err := r.open(opts.Program.names()); err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.source != nil {
			err = errors.Join(err, r.source.Abandon())
		}
		return nil, errors.Join(err, r.freeLocked())
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.watching.Go(func() { r.watch(ctx) })
	return r, nil
}

func (r *Runtime) open(names []string) error {
	var err error
	if r.source, err = r.program.source(r.sourceOptions()); err != nil {
		return err
	}
	// Load each program once before anything is attached, so that what the kernel
	// has against it is known now. The shared maps stay.
	for _, name := range names {
		if err := r.try(r.source, name); err != nil {
			return err
		}
	}
	if r.self, err = netns.Self(); err != nil {
		return err
	}
	return r.openHooks()
}

// try loads a program that nothing needs yet.
func (r *Runtime) try(source *dispatch.Source, name string) error {
	trial, err := dispatch.NewLoad(source, name, dispatch.LoadOptions{Links: 1, AllowWrites: r.opts.AllowWrites})
	if err != nil {
		return err
	}
	if err := trial.Close(); err != nil {
		return fmt.Errorf("close trial load: %w", err)
	}
	return nil
}

func (r *Runtime) sourceOptions() dispatch.SourceOptions {
	return dispatch.SourceOptions{AllowWrites: r.opts.AllowWrites, PinPath: r.opts.PinPath, LogLevel: r.opts.LogLevel}
}

// openHooks chooses the backend and opens our own network namespace as a home.
func (r *Runtime) openHooks() error {
	owner, err := hook.NewOwner(instanceName())
	if err != nil {
		return err
	}
	r.hookOpts = hook.Options{Owner: owner}
	if err := hook.Repair(); err != nil {
		return fmt.Errorf("repair what a killed instance left: %w", err)
	}
	if !r.opts.NeverExpedite {
		r.hookOpts.Expedite = hook.NewWindow()
	}
	r.backend = hook.TCX
	if r.opts.Backend == Clsact {
		r.backend = hook.Clsact
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	err = r.homeLocked(r.self)
	if errors.Is(err, ErrNotSupported) && r.opts.Backend == Auto {
		r.backend = hook.Clsact
		err = r.homeLocked(r.self)
	}
	return err
}

func instanceName() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never returns an error
	return hex.EncodeToString(b[:])
}

// Backend is the way onto hooks that was chosen: TCX or Clsact.
func (r *Runtime) Backend() Backend {
	if r.backend == hook.Clsact {
		return Clsact
	}
	return TCX
}

// Close detaches everything at once, then hands on the last events and frees
// all. It is idempotent; after it, methods return [ErrClosed].
func (r *Runtime) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	var all []*attachment
	for _, t := range r.tenants {
		all = append(all, t.list()...)
	}
	err := r.detachLocked(all)
	r.mu.Unlock()

	r.stop()
	r.watching.Wait()

	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(err, r.freeLocked())
}

func (r *Runtime) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// freeLocked frees what there is when nothing is attached.
func (r *Runtime) freeLocked() error {
	var errs []error
	if r.lonely != nil {
		errs = append(errs, r.lonely.Close())
	}
	for _, s := range r.spaces {
		errs = append(errs, s.close())
	}
	for _, t := range r.tenants {
		errs = append(errs, t.close())
	}
	loads := r.idle
	for _, some := range r.loads {
		loads = append(loads, some...)
	}
	errs = append(errs, closeLoads(loads))
	r.idle = nil
	if r.source != nil {
		errs = append(errs, r.source.Close())
	}
	if r.self != nil {
		errs = append(errs, r.self.Close())
	}
	return errors.Join(errs...)
}
