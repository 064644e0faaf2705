// SPDX-License-Identifier: Apache-2.0

package kernel_test

import (
	"errors"
	"io/fs"
	"regexp"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/kernel"
)

// privilegedFeatures are those whose probes need a capability.
var privilegedFeatures = []string{
	kernel.FeatureSchedCLS, kernel.FeatureJIT, kernel.FeatureTailCalls, kernel.FeatureTranslated,
	kernel.FeatureTCX, kernel.FeatureClsact, kernel.FeatureNetkit,
	kernel.FeatureAllNSID, kernel.FeatureFanotifyPerm,
}

func TestEssentialFeaturesAreAvailableHere(t *testing.T) {
	t.Parallel()
	for _, r := range features(t) {
		if r.Essential {
			qt.Check(t, qt.Equals(r.State, kernel.Available), qt.Commentf("%s: %v", r.Name, r.Err))
		}
	}
}

func TestProbesReachAResultWithAllRights(t *testing.T) {
	t.Parallel()
	for _, r := range features(t) {
		t.Logf("%s: %s: %v", r.Name, r.State, r.Err)
		qt.Check(t, qt.Not(qt.Equals(r.State, kernel.Unknown)), qt.Commentf("%s: %v", r.Name, r.Err))
		qt.Check(t, qt.Equals(r.Err == nil, r.State == kernel.Available), qt.Commentf("%s", r.Name))
	}
}

// At least one way to put programs on hooks must have been found, or the tests
// of this project would not get far.
func TestOneBackendIsAvailableHere(t *testing.T) {
	t.Parallel()
	states := map[string]kernel.State{}
	for _, r := range features(t) {
		states[r.Name] = r.State
	}
	qt.Check(t, qt.IsTrue(states[kernel.FeatureTCX] == kernel.Available ||
		states[kernel.FeatureClsact] == kernel.Available))
}

func TestProbesGiveTheSameTwice(t *testing.T) {
	t.Parallel()
	first, second := features(t), features(t)
	for i := range first {
		qt.Check(t, qt.Equals(first[i].State, second[i].State), qt.Commentf("%s", first[i].Name))
	}
}

func TestFeaturesSayWhatTheyMean(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	version := regexp.MustCompile(`^\d+\.\d+$`)
	for _, r := range features(t) {
		qt.Check(t, qt.IsFalse(seen[r.Name]), qt.Commentf("%s twice", r.Name))
		seen[r.Name] = true
		qt.Check(t, qt.IsTrue(version.MatchString(r.Since)), qt.Commentf("%s since %q", r.Name, r.Since))
		qt.Check(t, qt.Not(qt.Equals(r.With, "")), qt.Commentf("%s", r.Name))
		qt.Check(t, qt.Not(qt.Equals(r.Without, "")), qt.Commentf("%s", r.Name))
	}
}

// A user without rights must not be told that his kernel is too old.
func TestLackOfRightsIsNotLackOfFeature(t *testing.T) {
	t.Parallel()
	if inChild() {
		states := map[string]kernel.Result{}
		for _, r := range features(t) {
			states[r.Name] = r
		}
		for _, name := range privilegedFeatures {
			qt.Check(t, qt.Equals(states[name].State, kernel.Unknown), qt.Commentf("%s", name))
			qt.Check(t, qt.IsTrue(errors.Is(states[name].Err, fs.ErrPermission)),
				qt.Commentf("%s: %v", name, states[name].Err))
		}
		qt.Check(t, qt.Equals(states[kernel.FeaturePidfd].State, kernel.Available))
		return
	}
	runInChild(t, asNobody)
}

func features(t *testing.T) []kernel.Result {
	t.Helper()
	results, err := kernel.Features()
	qt.Assert(t, qt.IsNil(err))
	return results
}
