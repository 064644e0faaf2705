// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/cilium/ebpf/rlimit"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/enrich"
	"github.com/boathook/boathook/internal/fault"
)

// run is the state of one Run.
type run struct {
	cfg     Config
	runtime *boathook.Runtime
	index   *enrich.Index
	sink    *sink
	maps    *mapPrinter
	crowd   *crowd
	changed chan int // attachments there are
	// stuck holds the first failure that no waiting mends.
	stuck    chan boathook.Notice
	started  time.Time
	printing sync.WaitGroup // of maps, at an interval
}

// Run attaches the program to the targets and prints what it says until ctx is
// done, the count or time is reached, or nobody reads any more. It leaves nothing
// attached. The error carries a hint and an exit code: see package fault.
func Run(ctx context.Context, cfg Config) error {
	var turn sync.Mutex
	cfg.Env.Stdout = interruptible(ctx, &turn, cfg.Env.Stdout)
	cfg.Env.Stderr = interruptible(ctx, &turn, cfg.Env.Stderr)
	r := &run{cfg: cfg, index: &enrich.Index{}, changed: make(chan int, 1), stuck: make(chan boathook.Notice, 1)}
	sources, err := r.prepare() //nolint:contextcheck // to load is one step that cannot be left half way
	if err != nil {
		return err
	}
	err = r.attach(ctx, sources)
	if err != nil && !readerGone(err) { // whoever read may have seen enough
		undo := r.detach() //nolint:contextcheck // what is attached comes off whatever ended the run
		r.printing.Wait()
		if undo = errors.Join(undo, r.runtime.Close()); undo != nil {
			r.say("detach: %s", oneLine(undo))
		}
		return err
	}
	return r.close() //nolint:contextcheck // the same
}

// prepare checks everything that can be checked before anything is loaded, then
// loads the program.
func (r *run) prepare() ([]container.Source, error) {
	cfg := r.cfg
	schemas, raw, err := schemasOf(cfg.Object, cfg.Events)
	if err != nil {
		return nil, err
	}
	if r.sink, err = newSink(cfg, schemas, r.index); err != nil {
		return nil, err
	}
	if err := checkPinPath(cfg.PinPath); err != nil {
		return nil, err
	}
	if r.maps, err = newMapPrinter(cfg); err != nil {
		return nil, err
	}
	if r.crowd, err = newCrowd(cfg.Targets, r.index); err != nil {
		return nil, err
	}
	sources, err := cfg.sources()
	if err != nil {
		return nil, err
	}
	if err := r.load(perLink(schemas)); err != nil {
		return nil, err
	}
	for _, note := range cfg.Object.Notes {
		r.say("%s", note)
	}
	switch {
	case len(schemas) == 0 && len(r.maps.names) == 0 && cfg.Format != None:
		r.say("the program has nothing to print: it has no event maps\nhint: %s", r.maps.hint())
	case len(raw) > 0 && cfg.Format != None:
		r.say("nothing says which type the records of %s have: they are shown in hex\nhint: --event %s:STRUCT", strings.Join(raw, ", "), raw[0])
	}
	return sources, nil
}

func (r *run) load(perLink bool) error {
	cfg := r.cfg
	verdict := cfg.Verdict
	if cfg.Chosen.SocketFilter && verdict != boathook.Observe {
		return fault.Usage("--verdict observe", "a socket filter returns a length, not a verdict: it can only observe")
	}
	opts := boathook.Options{
		Program: boathook.Program{Spec: cfg.Object.Spec, Ingress: cfg.Chosen.Ingress, Egress: cfg.Chosen.Egress},
		Verdict: verdict, AllowWrites: cfg.AllowWrites, Backend: cfg.Backend, Order: cfg.Order,
		PerLink: perLink, PinPath: cfg.PinPath, NeverExpedite: cfg.NeverExpedite, LogLevel: cfg.LogLevel,
		Events: r.sink.take, Notify: r.notice, Changed: r.change, Spare: r.sparedConnection(),
	}
	var err error
	if opts.HostLink, err = cfg.Targets.HostLink(); err != nil {
		return err
	}
	// Below Linux 5.11 programs and maps count against RLIMIT_MEMLOCK. Where it
	// cannot be lifted it may still be high enough.
	if err := rlimit.RemoveMemlock(); err != nil {
		cfg.Env.Log.Debug("memory limit stays", "error", err)
	}
	// The sink's events may come as soon as something is attached, which is later.
	rt, err := boathook.New(opts)
	if err != nil {
		return explain(cfg, err)
	}
	r.runtime = rt
	if unused := r.maps.unused(rt.Maps()); len(unused) > 0 {
		r.say("nothing to print of %s: the program does not use it", strings.Join(unused, ", "))
	}
	r.sink.links, r.sink.full = rt.Links, r.ringFull
	return nil
}

// attach follows the sources and returns when the run is over.
func (r *run) attach(ctx context.Context, sources []container.Source) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	following, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	if r.cfg.Targets.onlyInterfaces() {
		if err := r.addInterfaces(ctx); err != nil {
			return err
		}
	}
	failures := make(chan error, len(sources))
	for _, source := range sources {
		tap := &tap{Source: source, crowd: r.crowd, synced: make(chan struct{})}
		wg.Go(func() {
			failures <- r.runtime.Follow(following, tap, container.Selector{})
			tap.sync()
		})
		r.crowd.taps = append(r.crowd.taps, tap)
	}
	for _, tap := range r.crowd.taps {
		select {
		case <-tap.synced:
		case <-ctx.Done():
		}
	}
	if err := r.begin(failures, len(sources)); err != nil {
		return err
	}
	if r.cfg.NoFollow {
		stop()
	}
	return r.wait(ctx)
}

func (r *run) addInterfaces(ctx context.Context) error {
	for _, pattern := range splitCommas(r.cfg.Targets.Interfaces) {
		if err := r.runtime.Add(ctx, boathook.Target{ID: "interface/" + pattern, Interface: pattern}); err != nil {
			return explain(r.cfg, err)
		}
	}
	return nil
}

// begin says what was found when all sources have told what runs.
func (r *run) begin(failures <-chan error, sources int) error {
	r.started = time.Now()
	failed := 0
	var errs []error
	for range len(failures) {
		if err := <-failures; err != nil {
			errs = append(errs, err)
			failed++
		}
	}
	none := r.crowd.nothingMatched() && r.attachments() == 0
	if failed > 0 && (failed == sources || none && r.cfg.Targets.picksContainers()) {
		return unreachable(errs)
	}
	for _, err := range errs {
		r.cfg.Env.Log.Debug("source not available", "error", err)
	}
	if r.attachments() == 0 {
		select {
		case n := <-r.stuck:
			return explain(r.cfg, n.Err)
		default:
		}
	}
	switch {
	case r.attachments() > 0:
		r.ready(r.attachments())
	case r.cfg.NoFollow && none:
		return r.crowd.noMatch(r.cfg.Targets)
	case r.cfg.NoFollow:
		hint := "without --no-follow it is waited for"
		if r.crowd.linkless() == "" {
			hint = hintHostLink
		}
		return fault.Failure(hint, "%s matched, but nothing of it could be attached", r.crowd.names())
	case none:
		text, hint := r.crowd.explain(r.cfg.Targets)
		r.say("%s, waiting\nhint: %s", text, hint)
	case r.crowd.linkless() != "":
		r.say("%s matched, but has no links yet, waiting", r.crowd.linkless())
	}
	return nil
}

// wait returns when the run is over.
func (r *run) wait(ctx context.Context) error {
	var timeout, interval <-chan time.Time
	if r.cfg.For > 0 {
		timer := time.NewTimer(r.cfg.For)
		defer timer.Stop()
		timeout = timer.C
	}
	if r.cfg.Interval > 0 && len(r.cfg.Maps) > 0 {
		ticker := time.NewTicker(r.cfg.Interval)
		defer ticker.Stop()
		interval = ticker.C
	}
	ready := r.attachments() > 0
	printed, tick := make(chan error, 1), interval
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timeout:
			return nil
		case <-r.sink.done:
			return nil
		case <-tick:
			// Not here: a reader that does not read must not keep us from ending.
			tick = nil
			r.printing.Go(func() { printed <- r.maps.print(r.runtime.Maps()) })
		case err := <-printed:
			if err != nil {
				return err
			}
			tick = interval
		case n := <-r.stuck:
			r.say("%s: %s", r.crowd.title(n.Target), firstLine(n.Err))
		case n := <-r.changed:
			if !ready && n > 0 {
				ready = true
				r.ready(n)
			}
		}
	}
}

// detach takes all targets off.
func (r *run) detach() error {
	targets, err := r.runtime.Targets()
	ids := make([]string, len(targets))
	for i, t := range targets {
		ids[i] = t.Target
	}
	return errors.Join(err, r.runtime.Remove(ids...))
}

// close detaches, prints what is left to print, and sums up.
func (r *run) close() error {
	errs := []error{r.detach()}
	r.printing.Wait()
	if r.cfg.Interval == 0 || len(r.cfg.Maps) > 0 {
		errs = append(errs, r.maps.print(r.runtime.Maps()))
	}
	errs = append(errs, r.runtime.Close())
	errs = append(errs, r.sink.close())
	totals, err := r.runtime.Totals()
	errs = append(errs, err)
	for i, err := range errs {
		if errors.Is(err, errUnread) {
			r.say("%s: the last of it was dropped, %d records", errUnread, r.sink.stats.unread)
		}
		if readerGone(err) {
			errs[i] = nil
		}
	}
	r.summarize(totals)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if totals.Attachments == 0 && r.crowd.nothingMatched() {
		return fault.NoMatch("", "nothing matched") // what is near was said at the start
	}
	return nil
}

func (r *run) attachments() int {
	list, err := r.runtime.Attachments()
	if err != nil {
		return 0
	}
	return len(list)
}

func (r *run) change(n int) {
	select {
	case <-r.changed:
	default:
	}
	select {
	case r.changed <- n:
	default:
	}
}
