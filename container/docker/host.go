// SPDX-License-Identifier: Apache-2.0

package docker

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/moby/client"
)

// defaultContext is the name that docker reserves for "no context".
const defaultContext = "default"

// endpoint is where the daemon listens.
type endpoint struct {
	host string
	// tlsDir has ca.pem, cert.pem and key.pem; "" for a connection without TLS.
	tlsDir string
}

// resolve finds the daemon as the docker command does: an explicit host, then
// DOCKER_HOST, DOCKER_CONTEXT, the configuration's current context, and last
// the default socket.
func resolve(host string, getenv func(string) string) (endpoint, error) {
	if strings.HasPrefix(host, "/") {
		host = "unix://" + host
	}
	if host = cmp.Or(host, getenv(client.EnvOverrideHost)); host != "" {
		e := endpoint{host: host}
		if getenv(client.EnvTLSVerify) != "" {
			e.tlsDir = cmp.Or(getenv(client.EnvOverrideCertPath), configDir(getenv))
		}
		return e, e.check()
	}
	name := getenv("DOCKER_CONTEXT")
	if name == "" {
		var err error
		if name, err = currentContext(configDir(getenv)); err != nil {
			return endpoint{}, err
		}
	}
	if name == "" || name == defaultContext {
		return endpoint{host: client.DefaultDockerHost}, nil
	}
	e, err := contextEndpoint(configDir(getenv), name)
	if err != nil {
		return endpoint{}, fmt.Errorf("read docker context %q: %w", name, err)
	}
	return e, e.check()
}

// check refuses addresses that cannot be of this machine.
func (e endpoint) check() error {
	url, err := client.ParseHostURL(e.host)
	if err != nil {
		return fmt.Errorf("parse docker host %q: %w", e.host, err)
	}
	switch url.Scheme {
	case "unix", "tcp", "http", "https":
		return nil
	}
	return fmt.Errorf("use docker host %q: %w: only unix:// and tcp:// can be on this machine", e.host, errors.ErrUnsupported)
}

func configDir(getenv func(string) string) string {
	return cmp.Or(getenv("DOCKER_CONFIG"), filepath.Join(getenv("HOME"), ".docker"))
}

// currentContext returns the name in the configuration of the docker command,
// "" if there is none.
func currentContext(dir string) (string, error) {
	var config struct {
		CurrentContext string `json:"currentContext"`
	}
	path := filepath.Join(dir, "config.json")
	if err := readJSON(path, &config); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read docker configuration %s: %w", path, err)
	}
	return config.CurrentContext, nil
}

// contextEndpoint reads a context from the store of the docker command, whose
// folders are named by the SHA-256 of the name (docker/cli, cli/context/store).
func contextEndpoint(dir, name string) (endpoint, error) {
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	var meta struct {
		Endpoints map[string]struct{ Host string }
	}
	if err := readJSON(filepath.Join(dir, "contexts", "meta", id, "meta.json"), &meta); err != nil {
		return endpoint{}, err
	}
	e := endpoint{host: cmp.Or(meta.Endpoints["docker"].Host, client.DefaultDockerHost)}
	tlsDir := filepath.Join(dir, "contexts", "tls", id, "docker")
	if _, err := os.Stat(tlsDir); err == nil {
		e.tlsDir = tlsDir
	}
	return e, nil
}

func readJSON(path string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}
