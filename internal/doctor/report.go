// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/kernel"
)

// Status is the verdict of a check.
type Status uint8

const (
	// OK means that there is nothing to do.
	OK Status = iota
	// Warn means that something works less well, or could not be found out.
	Warn
	// Bad means that something that most users need does not work.
	Bad
)

// String returns the status as it is printed.
func (s Status) String() string {
	switch s {
	case OK:
		return "ok"
	case Warn:
		return "warn"
	case Bad:
		return "bad"
	}
	return fmt.Sprintf("status %d", uint8(s))
}

// MarshalText implements encoding.TextMarshaler.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Group is what a check is about.
type Group string

// The groups, in the order of the report.
const (
	KernelGroup     Group = "kernel"
	SettingGroup    Group = "settings"
	CapabilityGroup Group = "capabilities"
	RuntimeGroup    Group = "runtimes"
)

// Check is one line of the report.
type Check struct {
	Group  Group  `json:"group"`
	Name   string `json:"name"`
	Status Status `json:"status"`
	// Value is what was found.
	Value string `json:"value"`
	// Since is the first Linux version with it, where that makes sense.
	Since string `json:"since,omitempty"`
	// Meaning says what it means for the user.
	Meaning string `json:"meaning"`
	// Fix is a command or another remedy, "" where there is none or no need.
	Fix string `json:"fix,omitempty"`
	// Error is what the kernel or the runtime answered.
	Error string `json:"error,omitempty"`
}

// Report is all that doctor has to say.
type Report struct {
	// Kernel and Machine are as uname prints them.
	Kernel  string  `json:"kernel"`
	Machine string  `json:"machine"`
	Status  Status  `json:"status"` // the worst of the checks
	Checks  []Check `json:"checks"`
}

// Facts are what is judged.
type Facts struct {
	Release, Machine string
	Features         []kernel.Result
	Settings         []kernel.Setting
	RCU              hook.RCU
	// RCUErr is why RCU could not be read, nil if it could.
	RCUErr       error
	Capabilities []kernel.Capability
	// UserNamespace: the process lives in a user namespace other than the
	// first, where capabilities do not reach the host's kernel.
	UserNamespace bool
	// Root: the process runs as user 0, so that sudo would not give it more.
	Root     bool
	Runtimes []Runtime
}

// Gather collects the facts of this host, all but the runtimes. It takes some
// tens of milliseconds and leaves nothing behind. It works without any right:
// what cannot be tried is reported as unknown.
func Gather() (*Facts, error) {
	facts := &Facts{Settings: kernel.Settings(""), Root: os.Geteuid() == 0}
	var err error
	if facts.Release, facts.Machine, err = kernel.Release(); err != nil {
		return nil, err
	}
	if facts.Features, err = kernel.Features(); err != nil {
		return nil, err
	}
	if facts.Capabilities, err = kernel.Capabilities(); err != nil {
		return nil, err
	}
	if facts.UserNamespace, err = kernel.InUserNamespace(); err != nil {
		return nil, err
	}
	facts.RCU, facts.RCUErr = hook.ReadRCU(hook.Places{})
	return facts, nil
}

// Judge turns facts into a report.
func Judge(facts *Facts) *Report {
	report := &Report{Kernel: facts.Release, Machine: facts.Machine}
	report.Checks = append(report.Checks, facts.judgeFeatures()...)
	report.Checks = append(report.Checks, facts.judgeSettings()...)
	report.Checks = append(report.Checks, facts.judgeRCU())
	report.Checks = append(report.Checks, facts.judgeCapabilities()...)
	report.Checks = append(report.Checks, judgeRuntimes(facts.Runtimes)...)
	for _, check := range report.Checks {
		report.Status = max(report.Status, check.Status)
	}
	return report
}

// WriteJSON writes the report as one JSON object on one line, as
// docs/schema/doctor.json describes it.
func (r *Report) WriteJSON(out io.Writer) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	if _, err := out.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
