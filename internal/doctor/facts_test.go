// SPDX-License-Identifier: Apache-2.0

package doctor_test

import (
	"errors"
	"slices"

	"github.com/boathook/boathook/internal/doctor"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/kernel"
)

// healthy are the facts of a host on which all works.
func healthy() *doctor.Facts {
	facts := &doctor.Facts{
		Release: "9.9.1", Machine: "x86_64", RCU: hook.RCU{Expedited: "0"},
		Settings: []kernel.Setting{
			{Name: kernel.SettingJIT, Value: "1"},
			{Name: kernel.SettingHarden, Value: "0"},
			{Name: kernel.SettingKptr, Value: "1"},
			{Name: kernel.SettingUnprivilegedBPF, Value: "2"},
			{Name: kernel.SettingStatistics, Value: "0"},
		},
		Capabilities: []kernel.Capability{
			{Name: "CAP_BPF", Since: "5.8", Need: "load programs", Essential: true, Held: true},
			{Name: "CAP_PERFMON", Since: "5.8", Need: "read memory", Held: true},
			{Name: "CAP_SYS_RESOURCE", Since: "2.2", Need: "raise limits", Held: true},
		},
		Runtimes: []doctor.Runtime{
			{
				Place: doctor.Place{Runtime: "docker", Address: "unix:///run/docker.sock", Protocol: doctor.DockerAPI},
				Found: true, Answer: "API 1.41",
			},
			{Place: doctor.Place{Runtime: "netns", Address: "/run/netns", Protocol: doctor.Directory}, Err: errors.New("none")},
		},
	}
	for _, name := range []string{
		kernel.FeatureSchedCLS, kernel.FeatureJIT, kernel.FeatureTailCalls, kernel.FeatureTranslated,
		kernel.FeatureBTF, kernel.FeatureMemlock, kernel.FeatureTCX, kernel.FeatureClsact, kernel.FeatureNetkit,
	} {
		essential := []string{kernel.FeatureSchedCLS, kernel.FeatureJIT, kernel.FeatureTailCalls}
		facts.Features = append(facts.Features, kernel.Result{
			State: kernel.Available,
			Feature: kernel.Feature{
				Name: name, Since: "9.1", With: "with " + name, Without: "without " + name + ": nothing can be attached",
				Essential: slices.Contains(essential, name),
			},
		})
	}
	return facts
}

// lack makes features missing.
func lack(names ...string) func(*doctor.Facts) {
	return func(f *doctor.Facts) {
		for i := range f.Features {
			if slices.Contains(names, f.Features[i].Name) {
				f.Features[i].State, f.Features[i].Err = kernel.Missing, errors.New("nope")
			}
		}
	}
}

// set gives a setting another value.
func set(name, value string) func(*doctor.Facts) {
	return func(f *doctor.Facts) {
		for i := range f.Settings {
			if f.Settings[i].Name == name {
				f.Settings[i].Value = value
			}
		}
	}
}

// drop takes a capability away.
func drop(name string) func(*doctor.Facts) {
	return func(f *doctor.Facts) {
		for i := range f.Capabilities {
			if f.Capabilities[i].Name == name {
				f.Capabilities[i].Held = false
			}
		}
	}
}

func both(first, second func(*doctor.Facts)) func(*doctor.Facts) {
	return func(f *doctor.Facts) { first(f); second(f) }
}
