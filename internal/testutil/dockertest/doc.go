// SPDX-License-Identifier: Apache-2.0

// Package dockertest gives tests a real docker daemon of their own.
//
// The daemon runs in fresh network and mount namespaces with all its files in
// one temporary folder. It is gone without a trace when its test ends, also if
// the test is killed: see daemon.sh.
//
// A package whose tests share one daemon declares it beside its TestMain:
//
//	var docker dockertest.Shared
//
//	func TestMain(m *testing.M) { docker.Main(m) }
//
//	func TestX(t *testing.T) {
//		id := docker.Daemon(t).Run(t, "--name", "x", dockertest.Image, "sleep", "60")
//	}
package dockertest
