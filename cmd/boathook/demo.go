// SPDX-License-Identifier: Apache-2.0

package main

import (
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/boathook/boathook/internal/demo"
	"github.com/boathook/boathook/internal/fault"
)

func demoCommand(e env) *cobra.Command {
	var length time.Duration
	var format string
	cmd := &cobra.Command{
		Use:   "demo [flags]",
		Short: "two network namespaces with real traffic, traced; needs no container runtime",
		Long: `Makes two network namespaces, has a client in one talk to a server in the other
over TCP and UDP, and traces their conversations with a small program that asks for
every packet to be dropped. It says what was seen, and leaves nothing behind.`,
		Example: `  boathook demo
  boathook demo --for 3s -o json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if length <= 0 {
				return fault.Usage("--for 10s", "--for %s: no time for any traffic", length)
			}
			form, err := parseFormat(format)
			if err != nil {
				return err
			}
			if err := e.privileged(cmd); err != nil {
				return err
			}
			return demo.Run(cmd.Context(), demo.Config{For: length, Format: form, Env: e.session(slog.LevelWarn)})
		},
	}
	cmd.Flags().DurationVar(&length, "for", 10*time.Second, "`TIME` that there is traffic, as 10s or 1m")
	cmd.Flags().StringVarP(&format, "output", "o", "columns", "`FORMAT` of records: columns, json (one object a line) or none")
	complete(cmd, map[string][]string{"output": {"columns", "json", "none"}})
	return cmd
}
