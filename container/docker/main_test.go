// SPDX-License-Identifier: Apache-2.0

package docker_test

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container/docker"
	"github.com/boathook/boathook/internal/testutil/dockertest"
)

var daemon dockertest.Shared

func TestMain(m *testing.M) { daemon.Main(m) }

func mustNew(tb testing.TB, host string) *docker.Source {
	tb.Helper()
	source, err := docker.New(docker.Options{Host: host})
	qt.Assert(tb, qt.IsNil(err))
	return source
}
