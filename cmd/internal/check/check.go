// Package check is how the programs end that try a network, or the tests, and say whether all held.
package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/reevenet/reeve/internal/process/errcode"
)

// Write writes a report to a file in JSON, if one is named.
func Write(file string, report any) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}

// Main runs a program until it ends, by itself or because SIGINT or SIGTERM ends its context, and exits: with
// errcode.CheckFailed when its error is failed, which says that something it tried doesn't hold, with errcode.Failed
// when it couldn't try.
func Main(run func(context.Context) error, failed error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx)
	stop()
	switch {
	case errors.Is(err, failed):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(int(errcode.CheckFailed))
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(int(errcode.Failed))
	}
}
