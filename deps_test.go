// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// heavy are the public packages that link more than the others, and what for.
func heavy() map[string]string {
	return map[string]string{
		module + "/container/docker":        "has docker's client",
		module + "/container/containertest": "is for tests, and has what they use",
	}
}

// linked are the modules of others that a public package may link: no client of a
// container runtime, no gRPC, no Kubernetes, no command line.
func linked() []string {
	return []string{
		"github.com/cilium/ebpf",
		"github.com/mdlayher/netlink", "github.com/mdlayher/socket",
		"golang.org/x/net", "golang.org/x/sync", "golang.org/x/sys",
	}
}

func TestUsersOfTheLibraryLinkLittle(t *testing.T) {
	t.Parallel()
	for _, pkg := range publicPackages(t) {
		if heavy()[pkg] != "" {
			continue
		}
		for _, m := range modules(t, pkg) {
			if !slices.Contains(linked(), m) {
				t.Errorf("%s links %s: whoever imports it gets that too; only %s may be", pkg, m, strings.Join(linked(), ", "))
			}
		}
	}
}

func TestModulesSeesWhatALightPackageMayNotLink(t *testing.T) {
	t.Parallel()
	qt.Check(t, qt.SliceContains(modules(t, "./container/docker"), "github.com/moby/moby/client"))
	qt.Check(t, qt.SliceContains(modules(t, "./cmd/boathook"), "github.com/spf13/cobra"))
}

// modules are the modules of others that a package links, sorted.
func modules(t *testing.T, pkg string) []string {
	t.Helper()
	found := map[string]bool{}
	for line := range strings.Lines(goTool(t, "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", pkg)) {
		if m := strings.TrimSpace(line); m != "" && m != module {
			found[m] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}
