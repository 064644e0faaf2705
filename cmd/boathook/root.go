// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/boathook/boathook/internal/fault"
	"github.com/boathook/boathook/internal/kernel"
)

// execute runs the command line and returns the exit code.
func execute(ctx context.Context, e env, args []string) int {
	root := rootCommand(e) //nolint:contextcheck // cobra hands it to the verbs
	root.SetArgs(args)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return fault.CodeOK
	}
	e.say("%s", err)
	if hint := fault.Hint(err); hint != "" {
		e.hint(hint)
	}
	return fault.Code(err)
}

func rootCommand(e env) *cobra.Command {
	root := &cobra.Command{
		Use:   "boathook",
		Short: "run tc eBPF programs on containers and network interfaces",
		Long: `Boathook runs a tc (SchedCLS) eBPF program on containers and network interfaces:
loads it once, attaches it to any number of links, follows containers as they
come and go, prints its decoded events, and leaves nothing behind.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = false
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fault.Usage(cmd.CommandPath()+" --help", "%w", err)
	})
	root.AddCommand(runCommand(e), psCommand(e), doctorCommand(e), demoCommand(e), versionCommand(e))
	root.SetHelpCommand(helpCommand())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.Short = "scripts that complete commands in bash, zsh, fish and powershell"
		// Without one, cobra answers a shell that it does not know with the help.
		completion.RunE = root.RunE
	}
	asUsage(root)
	return root
}

// helpCommand is cobra's, but a verb that is not there is an error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "help about any command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return fault.Usage("boathook help", "no help on %q: no such command", strings.Join(args, " "))
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// asUsage gives wrong arguments of every verb the exit code of a usage error.
func asUsage(cmd *cobra.Command) {
	check := cmd.Args
	cmd.Args = func(c *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		if err := check(c, args); err != nil {
			return fault.Usage(c.CommandPath()+" --help", "%w", err)
		}
		return nil
	}
	for _, sub := range cmd.Commands() {
		asUsage(sub)
	}
}

// privileged refuses, before anything is done, without the rights that attaching needs.
func (e env) privileged(cmd *cobra.Command) error {
	missing, err := e.missingCaps()
	if err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	if len(missing) == 0 {
		return nil
	}
	var why []string
	for _, c := range missing {
		why = append(why, c.Name+": "+c.Need)
	}
	return fault.Failure("sudo "+cmd.CommandPath()+" ...", "needs %s (%s)", kernel.CapNames(missing), strings.Join(why, "; "))
}
