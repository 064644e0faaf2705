// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

func bothWaysOptions() boathook.Options { return boathook.Options{Program: bothWays(verdictUnspec)} }

// badProgram is a Program that no Runtime runs, with what is said of it.
type badProgram struct {
	program boathook.Program
	is      error // nil for none to branch on
	message string
}

func badPrograms(tb testing.TB) map[string]badProgram {
	tb.Helper()
	closed := loadedByCaller(tb, 0).Programs["prog"]
	qt.Assert(tb, qt.IsNil(closed.Close()))
	object, loaded := bothWays(0), bothWaysLoaded(loadedByCaller(tb, 0).Programs["prog"])
	both, missing, undirected, unknown := loaded, object, object, loaded
	both.Spec = object.Spec
	missing.Egress, unknown.Egress = "other", "other"
	undirected.Ingress, undirected.Egress = "", ""
	list := map[string]badProgram{
		"zero":                     {boathook.Program{}, boathook.ErrNoProgram, `no such program: none is named .*`},
		"no direction":             {undirected, boathook.ErrNoProgram, `no such program: none is named .*`},
		"nothing to run":           {boathook.Program{Ingress: "mine", Egress: "mine"}, boathook.ErrNoProgram, `no such program: there is neither .*`},
		"object and loaded":        {both, nil, `program is both .*`},
		"missing in the object":    {missing, boathook.ErrNoProgram, `no such program: other`},
		"missing among the loaded": {unknown, boathook.ErrNoProgram, `no such program: other`},
		"nil":                      {bothWaysLoaded(nil), boathook.ErrNoProgram, `no such program: mine is nil`},
		"closed":                   {bothWaysLoaded(closed), boathook.ErrClosed, `use program mine: .*closed`},
	}
	rejected, harmful := testutil.Object(tb, "rejected"), testutil.Object(tb, "storebytes")
	harmfulLoaded, err := ebpf.NewProgram(harmful.Programs[first(tb, "storebytes")].Copy())
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(harmfulLoaded.Close())) })
	maps.Copy(list, map[string]badProgram{
		"rejected by the verifier": {objectBothWays(rejected, first(tb, "rejected")), nil, `load program .*`},
		"harmful":                  {objectBothWays(harmful, first(tb, "storebytes")), boathook.ErrRefused, `program .* calls bpf_skb_store_bytes, .*`},
		"harmful and loaded":       {bothWaysLoaded(harmfulLoaded), boathook.ErrRefused, `program mine calls bpf_skb_store_bytes, .*`},
	})
	for kind, at := range map[ebpf.ProgramType]ebpf.AttachType{
		ebpf.SocketFilter: ebpf.AttachNone, ebpf.XDP: ebpf.AttachNone, ebpf.CGroupSKB: ebpf.AttachCGroupInetEgress,
	} {
		list[kind.String()] = badProgram{
			bothWaysLoaded(loadedAs(tb, kind, at)), boathook.ErrRefused,
			`program mine was loaded as ` + kind.String() + `, and only SchedCLS .*`,
		}
	}
	return list
}

// objectBothWays runs one program of an object in both directions.
func objectBothWays(spec *ebpf.CollectionSpec, name string) boathook.Program {
	return boathook.Program{Spec: spec, Ingress: name, Egress: name}
}

func (b badProgram) check(tb testing.TB, err error) {
	tb.Helper()
	qt.Check(tb, qt.ErrorMatches(err, b.message))
	if b.is != nil {
		qt.Check(tb, qt.ErrorIs(err, b.is))
	}
}

func TestNewWithABadProgramLeavesNothing(t *testing.T) {
	for name, bad := range badPrograms(t) {
		t.Run(name, func(t *testing.T) {
			before := kernelState(t)
			_, err := boathook.New(boathook.Options{Program: bad.program})
			bad.check(t, err)
			qt.Check(t, qt.DeepEquals(kernelState(t), before))
		})
	}
}

func TestReplaceByABadProgramChangesNothing(t *testing.T) {
	s := newSite(t)
	rt := newRuntime(t, bothWaysOptions())
	add(t, rt, s.inner("web"))
	bads := badPrograms(t)
	// A Runtime's directions stay what they are.
	for _, name := range []string{"zero", "no direction"} {
		bads[name] = badProgram{bads[name].program, nil, `replace: the new program serves other directions`}
	}
	for name, bad := range bads {
		t.Run(name, func(t *testing.T) {
			before := kernelState(t, s.host, s.inside)
			bad.check(t, rt.Replace(context.Background(), bad.program))
			qt.Check(t, qt.DeepEquals(kernelState(t, s.host, s.inside), before))
		})
	}
	host, inner := testutil.Listen(t, s.host, hostAddr), testutil.Listen(t, s.inside, innerAddr)
	send(t, inner, host, 2)
	qt.Check(t, qt.Equals(counter(t, rt.Maps()["seen"]), 2), qt.Commentf("the old program runs on"))
}

// Where the kernel mixes attach types in a prog array such a program is a good one.
func TestALoadedProgramOfAnotherAttachTypeChangesNothing(t *testing.T) {
	s := newSite(t)
	rt := newRuntime(t, bothWaysOptions())
	add(t, rt, s.inner("web"))
	program := bothWaysLoaded(loadedAs(t, ebpf.SchedCLS, ebpf.AttachTCXIngress))
	before := kernelState(t, s.host, s.inside)
	second, err := boathook.New(boathook.Options{Program: program})
	if err == nil {
		qt.Assert(t, qt.IsNil(second.Close()))
		qt.Assert(t, qt.IsNil(rt.Replace(context.Background(), program)))
		return
	}
	for _, err := range []error{err, rt.Replace(context.Background(), program)} {
		qt.Check(t, qt.ErrorIs(err, boathook.ErrRefused))
		qt.Check(t, qt.ErrorMatches(err, `program mine was loaded with attach type TCXIngress, .*`))
	}
	qt.Check(t, qt.DeepEquals(kernelState(t, s.host, s.inside), before))
}

func TestNewWithBadOptionsLeavesNothing(t *testing.T) {
	before := kernelState(t)
	for message, change := range map[string]func(*boathook.Options){
		`verdict 9 is none`:                         func(o *boathook.Options) { o.Verdict = 9 },
		`backend 9 is none`:                         func(o *boathook.Options) { o.Backend = 9 },
		`position 9 is none`:                        func(o *boathook.Options) { o.Order.Position = 9 },
		`order is relative to a program without id`: func(o *boathook.Options) { o.Order.Position = boathook.After },
	} {
		opts := bothWaysOptions()
		change(&opts)
		_, err := boathook.New(opts)
		qt.Check(t, qt.ErrorMatches(err, message))
	}
	qt.Check(t, qt.DeepEquals(kernelState(t), before))
}

// badTarget is a target that cannot be added, with the error it gives.
type badTarget struct {
	target boathook.Target
	is     error // nil for none to branch on
	says   string
}

func badTargets(tb testing.TB) map[string]badTarget {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "file")
	qt.Assert(tb, qt.IsNil(os.WriteFile(file, nil, 0o600)))
	return map[string]badTarget{
		"without id":        {boathook.Target{PID: 1}, nil, "target without id"},
		"nowhere":           {boathook.Target{ID: "x"}, nil, "nothing says where .*"},
		"two places":        {boathook.Target{ID: "x", PID: 1, Interface: "eth0"}, nil, "more than one of .*"},
		"negative pid":      {boathook.Target{ID: "x", PID: -4}, nil, "process id -4"},
		"negative runtime":  {boathook.Target{ID: "x", PID: os.Getpid(), RuntimePID: -4}, nil, "process id -4 of the runtime"},
		"dead pid":          {boathook.Target{ID: "x", PID: deadProcess(tb)}, os.ErrNotExist, ".*no such process"},
		"no such path":      {boathook.Target{ID: "x", NetnsPath: file + "/none"}, nil, ".*not a directory"},
		"missing path":      {boathook.Target{ID: "x", NetnsPath: file + "none"}, os.ErrNotExist, ".*no such file.*"},
		"no netns":          {boathook.Target{ID: "x", NetnsPath: file}, boathook.ErrNotNetns, ".*"},
		"our own":           {boathook.Target{ID: "x", PID: os.Getpid()}, boathook.ErrHostNetwork, ".*"},
		"host network":      {boathook.Target{ID: "x", HostNetwork: true}, boathook.ErrHostNetwork, ".*"},
		"malformed pattern": {boathook.Target{ID: "x", Interface: "eth["}, path.ErrBadPattern, ".*"},
	}
}

func TestAddOfABadTargetChangesNothing(t *testing.T) {
	rt := newRuntime(t, bothWaysOptions())
	before := kernelState(t)
	for name, bad := range badTargets(t) {
		err := rt.Add(context.Background(), bad.target)
		qt.Check(t, qt.ErrorMatches(err, strings.TrimPrefix(bad.target.ID+": ", ": ")+bad.says), qt.Commentf(name))
		if bad.is != nil {
			qt.Check(t, qt.ErrorIs(err, bad.is), qt.Commentf(name))
		}
	}
	qt.Check(t, qt.DeepEquals(kernelState(t), before))
	targets, err := rt.Targets()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.HasLen(targets, 0))
}

func TestOfTargetsWithOneIDTheFirstCounts(t *testing.T) {
	s := newSite(t)
	rt := newRuntime(t, bothWaysOptions())
	err := rt.Add(context.Background(), boathook.Target{ID: "web", PID: deadProcess(t)}, s.inner("web"))
	qt.Check(t, qt.ErrorMatches(err, "web: .*no such process"))
	qt.Check(t, qt.HasLen(attachments(t, rt), 0))
	qt.Assert(t, qt.ErrorIs(rt.Remove("web"), boathook.ErrNotAttached))
}

func TestBadTargetsDoNotKeepGoodOnesFromBeingAdded(t *testing.T) {
	s := newSite(t)
	rt := newRuntime(t, bothWaysOptions())
	list := []boathook.Target{s.inner("good")}
	for name, bad := range badTargets(t) {
		bad.target.ID = name
		if bad.says != "target without id" {
			list = append(list, bad.target)
		}
	}
	qt.Check(t, qt.IsNotNil(rt.Add(context.Background(), list...)))
	targets, err := rt.Targets()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(targets, 1))
	qt.Check(t, qt.Equals(targets[0].Attachments, 2))
}

// A link is told by its name in our own network namespace, and waited for.
func TestALinkOfAnotherNetnsIsNotTaken(t *testing.T) {
	s := newSite(t)
	rt := newRuntime(t, bothWaysOptions())
	before := kernelState(t, s.host, s.inside)
	add(t, rt, boathook.Target{ID: "theirs", Interface: "vethweb"})
	qt.Check(t, qt.HasLen(attachments(t, rt), 0))
	qt.Check(t, qt.DeepEquals(kernelState(t, s.host, s.inside), before))
}

func TestRemoveOfWhatWasNeverAddedChangesNothing(t *testing.T) {
	s := newSite(t)
	rt := newRuntime(t, bothWaysOptions())
	add(t, rt, s.inner("web"))
	before := kernelState(t, s.host, s.inside)
	err := rt.Remove("other", "")
	qt.Check(t, qt.ErrorIs(err, boathook.ErrNotAttached))
	qt.Check(t, qt.ErrorMatches(err, "other: not attached\n: not attached"))
	qt.Check(t, qt.DeepEquals(kernelState(t, s.host, s.inside), before))
	qt.Check(t, qt.IsNil(rt.Remove()))
	qt.Assert(t, qt.IsNil(rt.Remove("web")))
	qt.Check(t, qt.ErrorIs(rt.Remove("web"), boathook.ErrNotAttached))
}

func TestNothingIsAddedAfterClose(t *testing.T) {
	s := newSite(t)
	before := kernelState(t, s.host, s.inside)
	rt := newRuntime(t, bothWaysOptions())
	qt.Assert(t, qt.IsNil(rt.Close()))
	err := rt.Add(context.Background(), s.inner("web"))
	qt.Check(t, qt.ErrorIs(err, boathook.ErrClosed))
	qt.Check(t, qt.ErrorMatches(err, "runtime is closed"))
	qt.Check(t, qt.ErrorIs(rt.Replace(context.Background(), bothWays(0)), boathook.ErrClosed))
	qt.Check(t, qt.ErrorIs(rt.Follow(t.Context(), silent{}, container.Selector{}), boathook.ErrClosed))
	qt.Check(t, qt.DeepEquals(kernelState(t, s.host, s.inside), before))
}

func TestFollowOfNothingIsAnError(t *testing.T) {
	rt := newRuntime(t, bothWaysOptions())
	qt.Check(t, qt.ErrorMatches(rt.Follow(t.Context(), nil, container.Selector{}), "follow: no source .*"))
	for _, sel := range []container.Selector{{Names: []string{"web["}}, {Images: []string{"nginx["}}} {
		ctx, stop := context.WithTimeout(t.Context(), patience)
		qt.Check(t, qt.ErrorIs(rt.Follow(ctx, silent{}, sel), path.ErrBadPattern))
		stop()
	}
}

// silent is a source that never reports anything.
type silent struct{}

func (silent) Name() string { return "silent" }

func (silent) Watch(ctx context.Context, _ func(container.Event)) error {
	<-ctx.Done()
	return nil
}

// deadProcess is the id of a process that has ended.
func deadProcess(tb testing.TB) int {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), "true")
	qt.Assert(tb, qt.IsNil(cmd.Run()))
	return cmd.ProcessState.Pid()
}

// cancelledAt is a context that is cancelled when it is asked for the nth time.
type cancelledAt struct {
	context.Context //nolint:containedctx // it is one

	asked, n int
}

func (c *cancelledAt) Err() error {
	if c.asked++; c.asked >= c.n {
		return context.Canceled
	}
	return nil
}

func TestAnAddCancelledHalfwayAddsNothing(t *testing.T) {
	const sites = 4
	rt := newRuntime(t, bothWaysOptions())
	var targets []boathook.Target
	var namespaces []*netns.NS
	for i := range sites {
		s := newSite(t)
		targets = append(targets, s.inner(string(rune('a'+i))))
		namespaces = append(namespaces, s.host, s.inside)
	}
	before := kernelState(t, namespaces...)
	for n := 1; ; n++ {
		err := rt.Add(&cancelledAt{Context: context.Background(), n: n}, targets...)
		if err == nil {
			if rt.Backend() == boathook.TCX {
				qt.Check(t, qt.IsTrue(n > 2*sites), qt.Commentf("it is asked ahead of each hook"))
			}
			qt.Check(t, qt.IsTrue(n > 1))
			break
		}
		qt.Assert(t, qt.Equals(err.Error(), context.Canceled.Error()))
		qt.Assert(t, qt.ErrorIs(err, context.Canceled))
		qt.Check(t, qt.DeepEquals(kernelState(t, namespaces...), before))
		qt.Check(t, qt.HasLen(attachments(t, rt), 0))
	}
	qt.Check(t, qt.HasLen(attachments(t, rt), 2*sites))
}

func TestAReplaceCancelledHalfwayChangesNothing(t *testing.T) {
	s := newSite(t)
	rt := newRuntime(t, bothWaysOptions())
	add(t, rt, s.inner("web"))
	before := kernelState(t, s.host, s.inside)
	for n := 1; ; n++ {
		err := rt.Replace(&cancelledAt{Context: context.Background(), n: n}, bothWays(verdictShot))
		if err == nil {
			qt.Check(t, qt.IsTrue(n > 2), qt.Commentf("it is asked at the start and for each copy"))
			break
		}
		qt.Assert(t, qt.ErrorIs(err, context.Canceled))
		qt.Check(t, qt.DeepEquals(kernelState(t, s.host, s.inside), before))
	}
}
