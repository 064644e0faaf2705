// SPDX-License-Identifier: Apache-2.0

package doctor

import "github.com/boathook/boathook/internal/kernel"

func (f *Facts) judgeSettings() []Check {
	checks := make([]Check, len(f.Settings))
	for i, setting := range f.Settings {
		check := Check{Group: SettingGroup, Name: setting.Name, Value: setting.Value}
		switch {
		case setting.Err != nil:
			check.Status, check.Value, check.Error = Warn, "unknown", setting.Err.Error()
			check.Meaning, check.Fix = "could not be read", f.rightsFix()
		case setting.Value == "":
			check.Value = "not shown"
			check.Meaning = "this kernel has no such setting, or shows it in the first network namespace alone"
		default:
			f.judgeSetting(&check)
		}
		checks[i] = check
	}
	return checks
}

// judgeSetting fills in what the value of a setting means.
func (f *Facts) judgeSetting(check *Check) {
	switch check.Name {
	case kernel.SettingJIT:
		judgeJIT(check)
	case kernel.SettingHarden:
		f.judgeHarden(check)
	case kernel.SettingKptr:
		f.judgeKptr(check)
	case kernel.SettingUnprivilegedBPF:
		check.Meaning = "only users with CAP_BPF may load programs"
		if check.Value == "0" {
			check.Meaning = "users without rights may load simple programs too, which boathook does not need"
		}
	case kernel.SettingStatistics:
		check.Meaning = "the run time of programs is not measured"
		if check.Value != "0" {
			check.Status = Warn
			check.Meaning = "the kernel takes the time of every run of every program, which slows packets down"
			check.Fix = "sysctl -w kernel.bpf_stats_enabled=0"
		}
	}
}

func judgeJIT(check *Check) {
	switch check.Value {
	case "0":
		check.Status, check.Fix = Bad, fixJIT
		check.Meaning = "programs are interpreted, and the dispatcher cannot call them: nothing can be attached"
	case "2":
		check.Status, check.Fix = Warn, fixJIT
		check.Meaning = "programs run as machine code, and each is written to the kernel log"
	default:
		check.Meaning = "programs run as machine code"
	}
}

func (f *Facts) judgeHarden(check *Check) {
	switch {
	case check.Value != "2":
		check.Meaning = "constants of our programs are not blinded, and observe can read their instructions"
	case f.state(kernel.FeatureTranslated) == kernel.Missing:
		check.Status, check.Fix = Bad, fixHidden
		check.Meaning = "with kernel.kptr_restrict it hides the instructions that observe has to check"
	default:
		check.Meaning = "constants of all programs are blinded, which makes them a little slower"
	}
}

func (f *Facts) judgeKptr(check *Check) {
	check.Meaning = "observe can read the instructions of programs"
	switch {
	case f.state(kernel.FeatureTranslated) == kernel.Missing && f.setting(kernel.SettingHarden) == "2":
		check.Status, check.Fix = Bad, fixHidden
		check.Meaning = "with net.core.bpf_jit_harden=2 it hides the instructions that observe has to check"
	case check.Value == "2":
		check.Meaning = "observe can read the instructions of programs while net.core.bpf_jit_harden is below 2"
	}
}

func (f *Facts) judgeRCU() Check {
	check := Check{
		Group: SettingGroup, Name: "rcu_expedited", Value: f.RCU.Expedited,
		Meaning: "hooks are attached in short expedited windows",
	}
	if check.Value == "" {
		check.Value = "not shown"
	}
	switch {
	case f.RCUErr != nil:
		check.Status, check.Value, check.Error = Warn, "unknown", f.RCUErr.Error()
		check.Meaning = "could not be read; hooks may take longer to attach"
	case f.RCU.LeftOn:
		check.Status = Warn
		check.Meaning = "left on by somebody: every grace period of the kernel interrupts all CPUs"
		check.Fix = "echo 0 > /sys/kernel/rcu_expedited; boathook run repairs what a dead boathook left"
	case f.RCU.Obstacle != "":
		check.Status = Warn
		check.Meaning = "hooks take longer to attach: " + f.RCU.Obstacle
	}
	return check
}
