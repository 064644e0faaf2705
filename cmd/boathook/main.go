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
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := execute(ctx, systemEnv(), os.Args[1:])
	stop()
	os.Exit(code)
}
