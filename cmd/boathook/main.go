// SPDX-License-Identifier: Apache-2.0

// Command boathook runs tc eBPF programs on containers and network interfaces.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), endSignals()...)
	code := execute(ctx, systemEnv(), os.Args[1:])
	stop()
	os.Exit(code)
}

// endSignals are those that detach everything and end the run. A terminal that is
// closed is one, unless somebody wants us to outlive it, as nohup does.
func endSignals() []os.Signal {
	signals := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}
