// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/inventory"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/output"
	"github.com/boathook/boathook/internal/testutil"
	"github.com/boathook/boathook/internal/testutil/schematest"
)

// site is a container with a link to a host that a runtime lives on.
type site struct {
	host, inside         *netns.NS
	hostIndex, hereIndex int
	runtimePID           int
}

func newSite(tb testing.TB) site {
	tb.Helper()
	s := site{host: testutil.Netns(tb), inside: testutil.Netns(tb)}
	s.hostIndex, s.hereIndex = testutil.Veth(tb, s.host, "vethweb", s.inside, "eth0")
	s.runtimePID = testutil.Process(tb, s.host)
	return s
}

func (s site) container(name string) container.Container {
	return container.Container{
		Runtime: "docker", ID: strings.Repeat("ab", 32), Name: name, Image: "nginx:1",
		NetnsPath: testutil.Path(s.inside), RuntimePID: s.runtimePID,
	}
}

// mustRows also holds the rows against the schema.
func mustRows(tb testing.TB, isHost func(string) bool, containers ...container.Container) []output.PSRow {
	tb.Helper()
	rows, err := inventory.Rows(containers, isHost)
	qt.Assert(tb, qt.IsNil(err))
	var printed bytes.Buffer
	qt.Assert(tb, qt.IsNil(output.WritePSJSON(&printed, rows)))
	schematest.Check(tb, "ps", printed.Bytes())
	return rows
}

// put attaches a program called name to a point of a link, as somebody else's
// instance of ours would.
func put(tb testing.TB, ns *netns.NS, backend hook.Backend, req hook.Request, name string) {
	tb.Helper()
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: name, Type: ebpf.SchedCLS, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, -1), asm.Return()},
	})
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(prog.Close())) })
	owner, err := hook.NewOwner("test")
	qt.Assert(tb, qt.IsNil(err))
	set, err := hook.Open(ns, backend, hook.Options{Owner: owner})
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(set.Close())) })
	req.Program = prog
	_, errs := set.Attach(tb.Context(), []hook.Request{req})
	qt.Assert(tb, qt.IsNil(errs[0]))
}

func names(list []output.PSProgram) string {
	var names []string
	for _, p := range list {
		names = append(names, p.Backend+":"+p.Name)
	}
	return strings.Join(names, " ")
}

func TestProgramsAreListedAsThePacketsOfTheContainerMeetThem(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	put(t, s.host, hook.Clsact, hook.Request{Index: s.hostIndex, Point: hook.Egress}, "host_egress")
	put(t, s.host, hook.Clsact, hook.Request{Index: s.hostIndex, Point: hook.Ingress}, "host_ingress")
	put(t, s.inside, hook.Clsact, hook.Request{Index: s.hereIndex, Point: hook.Ingress}, "in_ingress")
	put(t, s.inside, hook.Clsact, hook.Request{Index: s.hereIndex, Point: hook.Egress}, "in_egress")

	rows := mustRows(t, nil, s.container("web"))
	qt.Assert(t, qt.HasLen(rows, 1))
	qt.Assert(t, qt.HasLen(rows[0].Links, 1))
	link := rows[0].Links[0]
	qt.Check(t, qt.Equals(rows[0].Netns, s.inside.Inode()))
	qt.Check(t, qt.Equals(link.Name+" "+link.Host+" "+link.Kind, "eth0 vethweb veth"))
	qt.Check(t, qt.Equals(names(link.Ingress), "clsact:host_egress clsact:in_ingress"))
	qt.Check(t, qt.Equals(names(link.Egress), "clsact:in_egress clsact:host_ingress"))
	qt.Check(t, qt.Equals(link.Ingress[0].Owner, "test"))
	qt.Check(t, qt.IsTrue(link.Ingress[0].Ours))
}

func TestTCXProgramsAreListed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	put(t, s.host, hook.TCX, hook.Request{Index: s.hostIndex, Point: hook.Egress}, "watcher")
	put(t, s.host, hook.TCX, hook.Request{Index: s.hostIndex, Point: hook.Egress}, "boathook")
	rows := mustRows(t, nil, s.container("web"))
	list := rows[0].Links[0].Ingress
	qt.Assert(t, qt.Equals(names(list), "tcx:boathook tcx:watcher"))
	qt.Check(t, qt.IsTrue(list[0].Ours))
	qt.Check(t, qt.IsFalse(list[1].Ours))
}

func TestFiltersThatAreNoProgramsAreListedByTheirKind(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	testutil.Exec(t, s.host, "tc", "qdisc", "add", "dev", "vethweb", "ingress")
	testutil.Exec(t, s.host, "tc", "filter", "add", "dev", "vethweb", "ingress", "protocol", "ip", "u32", "match", "u32", "0", "0", "flowid", "1:1")
	rows := mustRows(t, nil, s.container("web"))
	qt.Check(t, qt.StringContains(names(rows[0].Links[0].Egress), "ingress:u32"))
}

func TestContainersOnTheHostsNetworkSaySo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	told, found := s.container("told"), s.container("found")
	told.HostNetwork = true
	found.NetnsPath, found.PID = "", s.runtimePID // lives where the host ends are
	for _, row := range mustRows(t, nil, told, found) {
		qt.Check(t, qt.IsTrue(row.HostNetwork), qt.Commentf("%s", row.Name))
		qt.Check(t, qt.HasLen(row.Links, 0))
		qt.Check(t, qt.Equals(row.Why, ""))
	}
}

func TestOneContainerThatCannotBeReadLeavesTheOthers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	gone, file, unknown := s.container("gone"), s.container("file"), s.container("unknown")
	gone.NetnsPath, gone.PID = "", 999_999_999
	file.NetnsPath = "/dev/null"
	unknown.NetnsPath = ""
	orphan := s.container("orphan")
	orphan.RuntimePID = 999_999_999 // its runtime has just ended
	rows := mustRows(t, nil, gone, file, unknown, orphan, s.container("web"))
	qt.Assert(t, qt.HasLen(rows, 5))
	qt.Check(t, qt.StringContains(rows[0].Why, "no such process"))
	qt.Check(t, qt.StringContains(rows[1].Why, "not a network namespace"))
	qt.Check(t, qt.StringContains(rows[2].Why, "does not say"))
	qt.Check(t, qt.Equals(rows[3].Links[0].Name, "eth0"))
	qt.Check(t, qt.Equals(rows[4].Links[0].Host, "vethweb"))
}

func TestOnlyLinksWithTheHostEndsThatAreWanted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	testutil.Veth(t, s.host, "vethtwo", s.inside, "eth1")
	wanted := func(name string) bool { return name == "vethtwo" }
	rows := mustRows(t, wanted, s.container("web"), container.Container{Runtime: "process", ID: "1", PID: os.Getpid()})
	qt.Assert(t, qt.HasLen(rows, 1))
	qt.Assert(t, qt.HasLen(rows[0].Links, 1))
	qt.Check(t, qt.Equals(rows[0].Links[0].Name, "eth1"))
}

// More than are looked at together, with one among them that is not there.
func TestManyContainersKeepTheirOrder(t *testing.T) {
	t.Parallel()
	const n = 300
	s := newSite(t)
	containers := make([]container.Container, n)
	namespaces := testutil.Containers(t, s.host, n)
	for i, ns := range namespaces {
		containers[i] = s.container(strconv.Itoa(i))
		containers[i].NetnsPath = testutil.Path(ns)
	}
	containers[n-10].NetnsPath = "/run/netns/boathook-no-such"
	rows := mustRows(t, nil, containers...)
	qt.Assert(t, qt.HasLen(rows, n))
	for i, row := range rows {
		qt.Check(t, qt.Equals(row.Name, strconv.Itoa(i)))
		if i == n-10 {
			qt.Check(t, qt.Not(qt.Equals(row.Why, "")))
			continue
		}
		qt.Assert(t, qt.Equals(row.Why, ""))
		qt.Assert(t, qt.HasLen(row.Links, 1))
		qt.Check(t, qt.Equals(row.Links[0].Host, testutil.HostLink(namespaces[i])))
	}
}
