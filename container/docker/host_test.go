// SPDX-License-Identifier: Apache-2.0

package docker_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container/docker"
)

func TestDaemonIsFoundAsTheDockerCommandDoes(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	config := filepath.Join(home, ".docker")
	mustWrite(t, filepath.Join(config, "config.json"), `{"currentContext":"current"}`)
	mustContext(t, config, "current", "unix:///current.sock")
	mustContext(t, config, "named", "tcp://127.0.0.1:2375")
	mustContext(t, config, "nowhere", "")
	other := t.TempDir()
	mustWrite(t, filepath.Join(other, "config.json"), `{"currentContext":""}`)
	const standard = "unix:///var/run/docker.sock"
	for _, tt := range []struct {
		name, host string
		env        map[string]string
		want       string
	}{
		{"nothing set", "", nil, "unix:///current.sock"},
		{"option", "unix:///o.sock", map[string]string{"DOCKER_HOST": "unix:///e.sock"}, "unix:///o.sock"},
		{"option is a path", "/o.sock", nil, "unix:///o.sock"},
		{"DOCKER_HOST", "", map[string]string{"DOCKER_HOST": "unix:///e.sock", "DOCKER_CONTEXT": "named"}, "unix:///e.sock"},
		{"DOCKER_CONTEXT", "", map[string]string{"DOCKER_CONTEXT": "named"}, "tcp://127.0.0.1:2375"},
		{"default context", "", map[string]string{"DOCKER_CONTEXT": "default"}, standard},
		{"context without a host", "", map[string]string{"DOCKER_CONTEXT": "nowhere"}, standard},
		{"DOCKER_CONFIG", "", map[string]string{"DOCKER_CONFIG": other}, standard},
		{"no configuration", "", map[string]string{"DOCKER_CONFIG": filepath.Join(other, "none")}, standard},
	} {
		host, tlsDir, err := docker.Resolve(tt.host, env(home, tt.env))
		qt.Check(t, qt.IsNil(err), qt.Commentf(tt.name))
		qt.Check(t, qt.Equals(host, tt.want), qt.Commentf(tt.name))
		qt.Check(t, qt.Equals(tlsDir, ""), qt.Commentf(tt.name))
	}
}

func TestTLSFilesAreFoundAsTheDockerCommandDoes(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	config := filepath.Join(home, ".docker")
	mustContext(t, config, "secure", "tcp://127.0.0.1:2376")
	contextDir := filepath.Join(config, "contexts", "tls", contextID("secure"), "docker")
	mustWrite(t, filepath.Join(contextDir, "ca.pem"), "")
	for want, vars := range map[string]map[string]string{
		contextDir: {"DOCKER_CONTEXT": "secure"},
		"/certs":   {"DOCKER_HOST": "tcp://127.0.0.1:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"},
		config:     {"DOCKER_HOST": "tcp://127.0.0.1:2376", "DOCKER_TLS_VERIFY": "1"},
		"":         {"DOCKER_HOST": "tcp://127.0.0.1:2376", "DOCKER_CERT_PATH": "/certs"},
	} {
		_, tlsDir, err := docker.Resolve("", env(home, vars))
		qt.Check(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(tlsDir, want))
	}
}

func TestBadHostsAndContextsAreErrors(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	config := filepath.Join(home, ".docker")
	mustContext(t, config, "remote", "ssh://user@host")
	broken := t.TempDir()
	mustWrite(t, filepath.Join(broken, "config.json"), `{`)

	_, _, err := docker.Resolve("nonsense", env(home, nil))
	qt.Check(t, qt.ErrorMatches(err, `parse docker host "nonsense": .*`))
	_, _, err = docker.Resolve("", env(home, map[string]string{"DOCKER_CONTEXT": "none"}))
	qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
	qt.Check(t, qt.ErrorMatches(err, `read docker context "none": .*`))
	_, _, err = docker.Resolve("", env(home, map[string]string{"DOCKER_CONTEXT": "remote"}))
	qt.Check(t, qt.ErrorIs(err, errors.ErrUnsupported))
	qt.Check(t, qt.ErrorMatches(err, `use docker host "ssh://user@host": .*`))
	_, _, err = docker.Resolve("", env(home, map[string]string{"DOCKER_CONFIG": broken}))
	qt.Check(t, qt.ErrorMatches(err, `read docker configuration .*/config.json: .*`))
}

func env(home string, vars map[string]string) func(string) string {
	return func(name string) string {
		if name == "HOME" {
			return home
		}
		return vars[name]
	}
}

func mustContext(tb testing.TB, config, name, host string) {
	tb.Helper()
	mustWrite(tb, filepath.Join(config, "contexts", "meta", contextID(name), "meta.json"),
		fmt.Sprintf(`{"Name":%q,"Metadata":{},"Endpoints":{"docker":{"Host":%q,"SkipTLSVerify":false}}}`, name, host))
}

func contextID(name string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(name))) }

func mustWrite(tb testing.TB, path, text string) {
	tb.Helper()
	qt.Assert(tb, qt.IsNil(os.MkdirAll(filepath.Dir(path), 0o755)))
	qt.Assert(tb, qt.IsNil(os.WriteFile(path, []byte(text), 0o600)))
}
