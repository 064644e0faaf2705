// SPDX-License-Identifier: Apache-2.0

// Package e2e_test runs the command as its users do, as a process of its own,
// on the containers of a real dockerd.
package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/boathook/boathook/internal/testutil/dockertest"
)

// patience is for what happens at once on an idle machine.
const patience = 30 * time.Second

// built are the static binaries under test and in the containers.
var built struct{ boathook, peer string }

var docker dockertest.Shared

func TestMain(m *testing.M) {
	code := 1
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		before := settings()
		code = m.Run()
		if err := errors.Join(leftovers(before), docker.Close(), goleak.Find()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if built.boathook != "" {
		if err := os.RemoveAll(filepath.Dir(built.boathook)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code) //nolint:forbidigo // stands in for the exit of the test binary's main
}

// build compiles the binaries into a folder that containers can mount.
func build() error {
	dir, err := os.MkdirTemp("", "bhe2e")
	if err != nil {
		return err
	}
	built.boathook, built.peer = filepath.Join(dir, "boathook"), filepath.Join(dir, "peer")
	for out, pkg := range map[string]string{
		built.boathook: "github.com/boathook/boathook/cmd/boathook",
		built.peer:     "github.com/boathook/boathook/test/e2e/peer",
	} {
		cmd := exec.Command("go", "build", "-trimpath", "-o", out, pkg) //nolint:noctx // ends by itself
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w: %s", pkg, err, text)
		}
	}
	return nil
}
