// SPDX-License-Identifier: Apache-2.0

package object_test

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/fault"
	"github.com/boathook/boathook/internal/object"
)

func TestDirectionOfASingleProgram(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		section, name   string
		ingress, egress bool
	}{
		{"classifier/ingress/dns", "trace", true, false},
		{"classifier/egress/dns", "trace", false, true},
		{"classifier/ingress/from_egress", "trace", true, false},
		{"classifier/ingress/dns", "egress_dns", true, false},
		{"tc/ingress", "trace", true, false},
		{"tc/egress", "trace", false, true},
		{"tcx/egress", "trace", false, true},
		{"tc", "handle_ingress", true, false},
		{"tc", "EGRESS2", false, true},
		{"tc", "trace", true, true},
		{"tc", "regress", true, true},
		{"tc", "ingress_or_egress", true, true},
		{"tc/dns", "trace", true, true},
		{"classifier", "trace", true, true},
		{"classifier_dns", "trace", true, true},
		{"classifier/stats", "trace", true, true},
		{"action", "trace", true, true},
		{"action/drop", "trace", true, true},
		{"socket", "trace", true, true},
		{"socket1", "trace", true, true},
		{"tc_ingress", "flow_parse", true, false},
		{"tcx_egress", "flow_parse", false, true},
		{"?tc", "trace", true, true},
	} {
		t.Run(test.section+" "+test.name, func(t *testing.T) {
			t.Parallel()
			c, err := withPrograms(map[string]string{test.name: test.section}).Choose(object.Want{})
			qt.Assert(t, qt.IsNil(err))
			qt.Check(t, qt.Equals(c.Ingress == test.name, test.ingress))
			qt.Check(t, qt.Equals(c.Egress == test.name, test.egress))
		})
	}
}

func TestOtherSectionsHoldNoCandidates(t *testing.T) {
	t.Parallel()
	for _, section := range []string{"tcp", "tc_dns", "xdp", "kprobe/tcp_connect", "ingress", "prog", "0/1", ".text"} {
		o := withPrograms(map[string]string{"trace": section})
		o.Spec.Programs["trace"].Type = ebpf.Kprobe
		_, err := o.Choose(object.Want{AsSchedCLS: true})
		qt.Assert(t, qt.ErrorMatches(err, "made.o: no tc program in it"), qt.Commentf("section %s", section))
		qt.Check(t, qt.Equals(fault.Hint(err), "it has: trace (Kprobe, section "+section+")"))
		qt.Check(t, qt.Equals(fault.Code(err), fault.CodeFailure))
	}
}

func TestPairIsChosenByTheWordsOfItsNames(t *testing.T) {
	t.Parallel()
	c, err := mustOpen(t, "pair").Choose(object.Want{})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(c, object.Chosen{Ingress: "handle_ingress", Egress: "handle_egress"}))
}

func TestUntypedProgramsNeedAs(t *testing.T) {
	t.Parallel()
	o := mustOpen(t, "plain")
	_, err := o.Choose(object.Want{})
	qt.Assert(t, qt.ErrorMatches(err, ".*plain.o: no tc program in it"))
	qt.Check(t, qt.Equals(fault.Hint(err), "if acc_in, acc_out is meant for tc: --as sched_cls"))

	_, err = o.Choose(object.Want{Programs: []string{"acc_in"}})
	checkUsage(t, err, "the section of program acc_in, ingress, says no type", "if it is meant for tc: --as sched_cls")

	c, err := o.Choose(object.Want{AsSchedCLS: true})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(c, object.Chosen{Ingress: "acc_in", Egress: "acc_out"}))
}

func TestNoProgramsAtAll(t *testing.T) {
	t.Parallel()
	_, err := withPrograms(nil).Choose(object.Want{})
	qt.Assert(t, qt.IsNotNil(err))
	qt.Check(t, qt.Equals(fault.Hint(err), "it has: no programs at all"))
}

func TestSeveralProgramsOfUnknownDirectionAreListed(t *testing.T) {
	t.Parallel()
	_, err := mustOpen(t, "undirected").Choose(object.Want{})
	checkUsage(t, err, ".*undirected.o has several programs, and nothing says for which direction: alpha, beta",
		`choose with --program NAME:ingress\|egress\|both`)

	o := withPrograms(map[string]string{"in": "tc/ingress", "what": "tc"})
	_, err = o.Choose(object.Want{})
	checkUsage(t, err, "made.o has several programs, and nothing says for which direction: what", "choose with .*")
}

func TestTwoProgramsForOneDirection(t *testing.T) {
	t.Parallel()
	o := withPrograms(map[string]string{"one": "tc/ingress", "two": "tc/ingress"})
	_, err := o.Choose(object.Want{})
	checkUsage(t, err, "programs one and two are both for ingress", "choose with --program NAME:ingress")

	_, err = o.Choose(object.Want{Programs: []string{"one:egress", "two:both"}})
	checkUsage(t, err, "programs one and two are both for egress", "choose with --program NAME:egress")
}

func TestExplicitDirectionWins(t *testing.T) {
	t.Parallel()
	o := withPrograms(map[string]string{"in": "tc/ingress", "out": "tc/egress", "what": "tc"})
	for _, test := range []struct {
		programs []string
		want     object.Chosen
	}{
		{[]string{"in"}, object.Chosen{Ingress: "in"}},
		{[]string{"in:egress"}, object.Chosen{Egress: "in"}},
		{[]string{"in:both"}, object.Chosen{Ingress: "in", Egress: "in"}},
		{[]string{"in", "what:egress"}, object.Chosen{Ingress: "in", Egress: "what"}},
		{[]string{"what:ingress", "what:egress"}, object.Chosen{Ingress: "what", Egress: "what"}},
		{[]string{"what"}, object.Chosen{Ingress: "what", Egress: "what"}},
	} {
		c, err := o.Choose(object.Want{Programs: test.programs})
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(c, test.want), qt.Commentf("%v", test.programs))
	}
}

func TestUnknownProgramsAndDirections(t *testing.T) {
	t.Parallel()
	o := mustOpen(t, "pair")
	_, err := o.Choose(object.Want{Programs: []string{"handle"}})
	checkUsage(t, err, `no program "handle" in .*pair.o`, "programs: handle_egress, handle_ingress")

	_, err = o.Choose(object.Want{Programs: []string{"handle_ingress:in"}})
	checkUsage(t, err, `unknown direction "in"`, "ingress, egress or both")

	_, err = o.Choose(object.Want{Direction: "up"})
	checkUsage(t, err, `unknown direction "up"`, "ingress, egress or both")

	_, err = mustOpen(t, "xdp").Choose(object.Want{Programs: []string{"pass"}})
	qt.Check(t, qt.Equals(fault.Code(err), fault.CodeUsage))
}

func TestProgramsForOtherPlacesAreRefused(t *testing.T) {
	t.Parallel()
	o := withPrograms(map[string]string{"trace": "tc", "early": "xdp", "near": "netkit/primary"})
	o.Spec.Programs["early"].Type = ebpf.XDP
	_, err := o.Choose(object.Want{Programs: []string{"early"}})
	checkUsage(t, err, `program early \(XDP, section xdp\) is no tc program`, "programs: near, trace")

	c, err := o.Choose(object.Want{Programs: []string{"near"}})
	qt.Assert(t, qt.IsNil(err), qt.Commentf("netkit's programs are of the same type"))
	qt.Check(t, qt.Equals(c, object.Chosen{Ingress: "near", Egress: "near"}))
}

func TestDirectionOfTheRunNarrows(t *testing.T) {
	t.Parallel()
	o := mustOpen(t, "pair")
	c, err := o.Choose(object.Want{Direction: "egress"})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(c, object.Chosen{Egress: "handle_egress"}))

	_, err = o.Choose(object.Want{Direction: "egress", Programs: []string{"handle_ingress"}})
	checkUsage(t, err, "no program of .*pair.o is for egress", "programs: handle_egress, handle_ingress")
}

func TestSocketFiltersAreTold(t *testing.T) {
	t.Parallel()
	c, err := mustOpen(t, "socket").Choose(object.Want{})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(c, object.Chosen{Ingress: "trace_dns", Egress: "trace_dns", SocketFilter: true}))
}

func TestTailCalledProgramsAreNoCandidates(t *testing.T) {
	t.Parallel()
	o := mustOpen(t, "tailcalls")
	_, err := o.Choose(object.Want{})
	checkUsage(t, err, ".* nothing says for which direction: entry, handle_other", "choose with .*")

	qt.Assert(t, qt.IsNil(o.Tail("steps[2]=handle_other")))
	c, err := o.Choose(object.Want{})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(c, object.Chosen{Ingress: "entry", Egress: "entry"}))

	c, err = o.Choose(object.Want{Programs: []string{"handle_ipv4:ingress"}})
	qt.Assert(t, qt.IsNil(err), qt.Commentf("by name they may run"))
	qt.Check(t, qt.Equals(c, object.Chosen{Ingress: "handle_ipv4"}))
}
