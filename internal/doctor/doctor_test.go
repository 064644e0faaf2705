// SPDX-License-Identifier: Apache-2.0

package doctor_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/doctor"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/kernel"
	"github.com/boathook/boathook/internal/output"
	"github.com/boathook/boathook/internal/testutil"
	"github.com/boathook/boathook/internal/testutil/schematest"
)

func TestMain(m *testing.M) { testutil.Main(m) }

func TestReportOfThisHost(t *testing.T) {
	t.Parallel()
	facts, err := doctor.Gather()
	qt.Assert(t, qt.IsNil(err))
	facts.Runtimes = doctor.FindRuntimes(t.Context(), doctor.UsualPlaces(func(string) string { return "" }))
	report := doctor.Judge(facts)
	for _, check := range report.Checks {
		qt.Check(t, qt.Not(qt.Equals(check.Status, doctor.Bad)), qt.Commentf("%+v", check))
	}
	var out bytes.Buffer
	qt.Assert(t, qt.IsNil(report.WriteText(&out, output.Options{})))
	t.Log(out.String())
	out.Reset()
	qt.Assert(t, qt.IsNil(report.WriteJSON(&out)))
	schematest.Check(t, "doctor", out.Bytes())
}

func TestHealthyHostHasNothingToMend(t *testing.T) {
	t.Parallel()
	report := doctor.Judge(healthy())
	qt.Check(t, qt.Equals(report.Status, doctor.OK))
	for _, check := range report.Checks {
		qt.Check(t, qt.Equals(check.Status, doctor.OK), qt.Commentf("%+v", check))
		qt.Check(t, qt.Equals(check.Fix, ""), qt.Commentf("%+v", check))
		qt.Check(t, qt.Not(qt.Equals(check.Meaning, "")), qt.Commentf("%+v", check))
	}
}

func TestWhatStandsInTheWay(t *testing.T) {
	t.Parallel()
	denied := fmt.Errorf("load tc program: %w", fs.ErrPermission)
	for _, test := range []struct {
		name    string
		spoil   func(*doctor.Facts)
		check   string
		status  doctor.Status
		fix     string
		meaning string
	}{
		{"no jit", lack(kernel.FeatureJIT), kernel.FeatureJIT, doctor.Bad, "bpf_jit_enable=1", "nothing can be attached"},
		{"no tail calls", lack(kernel.FeatureTailCalls), kernel.FeatureTailCalls, doctor.Bad, "Linux 9.1 or newer", "without"},
		{
			"no tail calls for lack of the jit", lack(kernel.FeatureJIT, kernel.FeatureTailCalls),
			kernel.FeatureTailCalls, doctor.Bad, "bpf_jit_enable=1", "without",
		},
		{"no tcx", lack(kernel.FeatureTCX), kernel.FeatureTCX, doctor.Warn, "Linux 9.1 or newer", "without"},
		{"no clsact", lack(kernel.FeatureClsact), kernel.FeatureClsact, doctor.Warn, "modprobe", "without"},
		{
			"no backend", lack(kernel.FeatureClsact, kernel.FeatureTCX), kernel.FeatureTCX, doctor.Bad,
			"Linux 9.1 or newer", "without",
		},
		{"no netkit", lack(kernel.FeatureNetkit), kernel.FeatureNetkit, doctor.OK, "", "without"},
		{"no btf", lack(kernel.FeatureBTF), kernel.FeatureBTF, doctor.Warn, "Linux 9.1 or newer", "without"},
		{"memlock that is lifted", lack(kernel.FeatureMemlock), kernel.FeatureMemlock, doctor.OK, "", "boathook lifts"},
		{
			"memlock", both(lack(kernel.FeatureMemlock), drop("CAP_SYS_RESOURCE")), kernel.FeatureMemlock,
			doctor.Warn, "ulimit -l unlimited", "without",
		},
		{
			"memlock in a user namespace", both(lack(kernel.FeatureMemlock), func(f *doctor.Facts) { f.UserNamespace = true }),
			kernel.FeatureMemlock, doctor.Warn, "ulimit -l unlimited", "without",
		},
		{
			"instructions hidden", lack(kernel.FeatureTranslated), kernel.FeatureTranslated, doctor.Bad,
			"bpf_jit_harden=1", "without",
		},
		{
			"no rights", func(f *doctor.Facts) { f.Features[0].State, f.Features[0].Err = kernel.Unknown, denied },
			kernel.FeatureSchedCLS, doctor.Warn, "sudo boathook", "could not be tried",
		},
		{
			"no rights in a user namespace", func(f *doctor.Facts) {
				f.Features[0].State, f.Features[0].Err, f.UserNamespace = kernel.Unknown, denied, true
			},
			kernel.FeatureSchedCLS, doctor.Warn, "outside of the user namespace", "could not be tried",
		},
		{
			"root without the right", func(f *doctor.Facts) {
				f.Features[0].State, f.Features[0].Err, f.Root = kernel.Unknown, denied, true
			},
			kernel.FeatureSchedCLS, doctor.Warn, "--cap-add", "could not be tried",
		},
		{"jit off", set(kernel.SettingJIT, "0"), kernel.SettingJIT, doctor.Bad, "bpf_jit_enable=1", "interpreted"},
		{"jit debug", set(kernel.SettingJIT, "2"), kernel.SettingJIT, doctor.Warn, "bpf_jit_enable=1", "kernel log"},
		{"jit not shown", set(kernel.SettingJIT, ""), kernel.SettingJIT, doctor.OK, "", "first network namespace"},
		{"hardened", set(kernel.SettingHarden, "2"), kernel.SettingHarden, doctor.OK, "", "blinded"},
		{
			"hardened and hidden", both(set(kernel.SettingHarden, "2"), lack(kernel.FeatureTranslated)),
			kernel.SettingHarden, doctor.Bad, "bpf_jit_harden=1", "hides",
		},
		{
			"pointers hidden too", both(set(kernel.SettingHarden, "2"), lack(kernel.FeatureTranslated)),
			kernel.SettingKptr, doctor.Bad, "kptr_restrict=1", "hides",
		},
		{"pointers alone", set(kernel.SettingKptr, "2"), kernel.SettingKptr, doctor.OK, "", "below 2"},
		{"open to all", set(kernel.SettingUnprivilegedBPF, "0"), kernel.SettingUnprivilegedBPF, doctor.OK, "", "does not need"},
		{"statistics", set(kernel.SettingStatistics, "1"), kernel.SettingStatistics, doctor.Warn, "bpf_stats_enabled=0", "time"},
		{
			"unreadable", func(f *doctor.Facts) { f.Settings[0].Err = denied }, kernel.SettingJIT, doctor.Warn,
			"sudo", "could not be read",
		},
		{
			"expedited left on", func(f *doctor.Facts) { f.RCU = hook.RCU{Expedited: "1", LeftOn: true} },
			"rcu_expedited", doctor.Warn, "echo 0 > /sys/kernel/rcu_expedited", "left on",
		},
		{
			"no window", func(f *doctor.Facts) { f.RCU.Obstacle = "CPUs are isolated" }, "rcu_expedited",
			doctor.Warn, "", "CPUs are isolated",
		},
		{
			"rcu unreadable", func(f *doctor.Facts) { f.RCUErr = denied }, "rcu_expedited",
			doctor.Warn, "", "could not be read",
		},
		{"not root", drop("CAP_BPF"), "CAP_BPF", doctor.Bad, "sudo", "needed to load"},
		{"no perfmon", drop("CAP_PERFMON"), "CAP_PERFMON", doctor.Warn, "sudo", "needed to read"},
		{"no resource", drop("CAP_SYS_RESOURCE"), "CAP_SYS_RESOURCE", doctor.OK, "", "raise"},
		{
			"no resource where it matters", both(drop("CAP_SYS_RESOURCE"), lack(kernel.FeatureMemlock)),
			"CAP_SYS_RESOURCE", doctor.Warn, "sudo", "needed to raise",
		},
		{"no runtime", func(f *doctor.Facts) { f.Runtimes = nil }, "containers", doctor.Warn, "start docker", "no runtime"},
		{
			"docker hangs", func(f *doctor.Facts) { f.Runtimes[0].Err = errors.New("timeout") }, "docker",
			doctor.Warn, "start docker", "not found",
		},
		{
			"docker closed", func(f *doctor.Facts) { f.Runtimes[0].Err = denied }, "docker",
			doctor.Warn, "sudo", "not found",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			facts := healthy()
			test.spoil(facts)
			report := doctor.Judge(facts)
			check := find(t, report, test.check)
			qt.Check(t, qt.Equals(check.Status, test.status))
			qt.Check(t, qt.IsTrue(strings.Contains(check.Fix, test.fix)), qt.Commentf("fix: %s", check.Fix))
			qt.Check(t, qt.Equals(check.Fix == "", test.fix == ""), qt.Commentf("fix: %s", check.Fix))
			qt.Check(t, qt.IsTrue(strings.Contains(check.Meaning, test.meaning)), qt.Commentf("%s", check.Meaning))
			qt.Check(t, qt.IsTrue(report.Status >= test.status))
			checkPrinted(t, report)
		})
	}
}

func TestTextIsOneLineForEachCheckAndSaysHowToMend(t *testing.T) {
	t.Parallel()
	facts := healthy()
	lack(kernel.FeatureTCX)(facts)
	var out bytes.Buffer
	qt.Assert(t, qt.IsNil(doctor.Judge(facts).WriteText(&out, output.Options{})))
	text := out.String()
	qt.Check(t, qt.IsTrue(strings.HasPrefix(text, "Linux 9.9.1 x86_64: the essential works, 0 bad, 1 warn, ")))
	qt.Check(t, qt.StringContains(text, "\nkernel\n  ok    sched_cls "))
	qt.Check(t, qt.StringContains(text, " since 9.1  without tcx: nothing can be attached\n        error: nope\n        fix: a kernel that has it"))
	qt.Check(t, qt.StringContains(text, "\nruntimes\n  ok    docker "))
	qt.Check(t, qt.IsFalse(strings.Contains(text, "\x1b")))
}

func TestTextFitsIntoTheTerminal(t *testing.T) {
	t.Parallel()
	facts := healthy()
	lack(kernel.FeatureTCX, kernel.FeatureClsact)(facts)
	for _, width := range []int{80, 120} {
		var out bytes.Buffer
		qt.Assert(t, qt.IsNil(doctor.Judge(facts).WriteText(&out, output.Options{Terminal: true, Width: width})))
		qt.Check(t, qt.StringContains(out.String(), "\x1b[31mbad"))
		plain := strings.NewReplacer("\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "", "\x1b[0m", "").Replace(out.String())
		for line := range strings.Lines(plain) {
			qt.Check(t, qt.IsTrue(utf8.RuneCountInString(line) <= width+1), qt.Commentf("%s", line))
		}
	}
}

func TestTextFromARuntimeIsEscaped(t *testing.T) {
	t.Parallel()
	facts := healthy()
	facts.Runtimes[0].Answer = "API \x1b[2J"
	facts.Runtimes[1].Found, facts.Runtimes[1].Err = true, errors.New("bad\x1b[2J\nanswer")
	var out bytes.Buffer
	qt.Assert(t, qt.IsNil(doctor.Judge(facts).WriteText(&out, output.Options{})))
	qt.Check(t, qt.IsFalse(strings.Contains(out.String(), "\x1b")))
}

func TestDoctorSchemaIsStrict(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`, `{"kernel":"","machine":"","status":"fine","checks":[]}`,
		`{"kernel":"","machine":"","status":"ok","checks":[{"group":"kernel","name":"a","status":"ok","value":"","meaning":"m"}]}`,
		`{"kernel":"","machine":"","status":"ok","checks":[],"more":1}`,
	} {
		qt.Check(t, qt.IsTrue(schematest.Refuses(t, "doctor", text)), qt.Commentf("%s", text))
	}
}

// checkPrinted holds both ways of printing a report against what is promised.
func checkPrinted(t *testing.T, report *doctor.Report) {
	t.Helper()
	var out bytes.Buffer
	qt.Assert(t, qt.IsNil(report.WriteJSON(&out)))
	schematest.Check(t, "doctor", out.Bytes())
	out.Reset()
	qt.Assert(t, qt.IsNil(report.WriteText(&out, output.Options{})))
	for _, check := range report.Checks {
		qt.Check(t, qt.StringContains(out.String(), check.Name))
		if check.Fix != "" {
			qt.Check(t, qt.StringContains(out.String(), "        fix: "+check.Fix+"\n"))
		}
	}
}

func find(t *testing.T, report *doctor.Report, name string) doctor.Check {
	t.Helper()
	for _, check := range report.Checks {
		if check.Name == name {
			return check
		}
	}
	t.Fatalf("no check %s in %+v", name, report.Checks)
	return doctor.Check{}
}
