// SPDX-License-Identifier: Apache-2.0

package dockertest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/boathook/boathook/internal/testutil"
)

// Run starts a container in the background with the arguments of "docker run",
// beginning with its flags, and returns its id. It is removed when the test ends.
func (d *Daemon) Run(tb testing.TB, args ...string) string {
	tb.Helper()
	id := d.Docker(tb, append([]string{"run", "--detach"}, args...)...)
	tb.Cleanup(func() {
		if _, err := d.docker(nil, "rm", "--force", "--volumes", id); err != nil {
			tb.Error(err)
		}
	})
	return id
}

// Docker runs the docker command and returns what it prints, without the last
// newline. The test fails if the command does.
func (d *Daemon) Docker(tb testing.TB, args ...string) string {
	tb.Helper()
	out, err := d.docker(nil, args...)
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSuffix(out, "\n")
}

// docker runs the command with no settings but ours.
func (d *Daemon) docker(stdin io.Reader, args ...string) (string, error) {
	cmd := exec.Command("docker", args...) //nolint:noctx // ends with the daemon at the latest
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+d.Host, "DOCKER_CONTEXT=",
		"DOCKER_CONFIG="+filepath.Join(d.dir, "config"))
	cmd.Stdin = stdin
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("docker %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// skipIfMissing skips the test if err says that docker is not installed.
func skipIfMissing(tb testing.TB, err error) {
	tb.Helper()
	if !errors.Is(err, exec.ErrNotFound) {
		return
	}
	if os.Getenv(testutil.StrictVariable) == "1" {
		tb.Fatal(err)
	}
	tb.Skip(err)
}
