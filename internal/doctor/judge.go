// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/boathook/boathook/internal/kernel"
)

const (
	fixSudo      = "sudo boathook ..."
	fixGrant     = "grant the capability (docker: --cap-add, systemd: AmbientCapabilities, CapabilityBoundingSet)"
	fixNamespace = "run boathook outside of the user namespace, as root of the host"
	fixJIT       = "sysctl -w net.core.bpf_jit_enable=1"
	fixHidden    = "sysctl -w net.core.bpf_jit_harden=1, or kernel.kptr_restrict=1 with CAP_SYSLOG"
	fixMemlock   = "ulimit -l unlimited, in a systemd unit LimitMEMLOCK=infinity"
)

// capResource allows to raise limits.
const capResource = "CAP_SYS_RESOURCE"

func (f *Facts) judgeFeatures() []Check {
	checks := make([]Check, len(f.Features))
	for i, feature := range f.Features {
		checks[i] = f.judgeFeature(feature)
	}
	return checks
}

func (f *Facts) judgeFeature(feature kernel.Result) Check {
	check := Check{
		Group: KernelGroup, Name: feature.Name, Since: feature.Since,
		Value: feature.State.String(), Meaning: feature.With,
	}
	if feature.Err != nil {
		check.Error = feature.Err.Error()
	}
	switch feature.State {
	case kernel.Available:
	case kernel.Missing:
		check.Status, check.Meaning = f.severity(feature), feature.Without
		if check.Status != OK {
			check.Fix = f.featureFix(feature.Feature)
		}
		if feature.Name == kernel.FeatureMemlock && f.liftsMemlock() {
			check.Meaning, check.Error = "programs and maps count against RLIMIT_MEMLOCK, which boathook lifts for itself", ""
		}
	case kernel.Unknown:
		check.Status = Warn
		check.Meaning = "could not be tried; if available: " + feature.With
		if errors.Is(feature.Err, fs.ErrPermission) {
			check.Fix = f.rightsFix()
		}
	}
	return check
}

// severity judges the lack of a feature. One backend is enough, and without
// netkit there is nothing that boathook could fail to see.
func (f *Facts) severity(feature kernel.Result) Status {
	switch feature.Name {
	case kernel.FeatureNetkit:
		return OK
	case kernel.FeatureTCX, kernel.FeatureClsact:
		if f.state(kernel.FeatureTCX) == kernel.Missing && f.state(kernel.FeatureClsact) == kernel.Missing {
			return Bad
		}
		return Warn
	case kernel.FeatureTranslated:
		// observe is what everything runs under that only watches.
		return Bad
	case kernel.FeatureMemlock:
		if f.liftsMemlock() {
			return OK
		}
	}
	if feature.Essential {
		return Bad
	}
	return Warn
}

// liftsMemlock says whether boathook run can raise its RLIMIT_MEMLOCK. The
// capability of a user namespace does not do for that.
func (f *Facts) liftsMemlock() bool {
	return !f.UserNamespace && slices.ContainsFunc(f.Capabilities, func(c kernel.Capability) bool {
		return c.Name == capResource && c.Held
	})
}

func (f *Facts) state(name string) kernel.State {
	for _, feature := range f.Features {
		if feature.Name == name {
			return feature.State
		}
	}
	return kernel.Unknown
}

func (f *Facts) setting(name string) string {
	for _, setting := range f.Settings {
		if setting.Name == name {
			return setting.Value
		}
	}
	return ""
}

func (f *Facts) featureFix(feature kernel.Feature) string {
	switch feature.Name {
	case kernel.FeatureJIT:
		return fixJIT
	case kernel.FeatureTailCalls:
		if f.state(kernel.FeatureJIT) == kernel.Missing {
			return fixJIT
		}
	case kernel.FeatureTranslated:
		return fixHidden
	case kernel.FeatureMemlock:
		return fixMemlock
	case kernel.FeatureClsact:
		return "modprobe sch_ingress cls_bpf, or a kernel with CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF"
	}
	return "a kernel that has it, Linux " + feature.Since + " or newer"
}

// rightsFix is how to get the rights that are missing.
func (f *Facts) rightsFix() string {
	if f.UserNamespace {
		return fixNamespace
	}
	if f.Root {
		return fixGrant
	}
	return fixSudo
}

func (f *Facts) judgeCapabilities() []Check {
	checks := make([]Check, len(f.Capabilities))
	for i, c := range f.Capabilities {
		check := Check{
			Group: CapabilityGroup, Name: c.Name, Since: c.Since, Value: "held", Meaning: "to " + c.Need,
		}
		if !c.Held {
			check.Value, check.Status = "missing", f.lackOf(c)
			if check.Status != OK {
				check.Meaning, check.Fix = "needed to "+c.Need, f.rightsFix()
			}
		}
		checks[i] = check
	}
	return checks
}

// lackOf judges the lack of a capability: some are needed on certain kernels
// or with certain settings only.
func (f *Facts) lackOf(c kernel.Capability) Status {
	switch {
	case c.Essential:
		return Bad
	case c.Name == capResource && f.state(kernel.FeatureMemlock) == kernel.Available,
		c.Name == "CAP_SYSLOG" && f.state(kernel.FeatureTranslated) == kernel.Available:
		return OK
	}
	return Warn
}
