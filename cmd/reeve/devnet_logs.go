package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/supervise"
)

func (a *app) devnetLogs() *cobra.Command {
	cmd := &cobra.Command{
		Use: "logs [NODE[/PROCESS]]", Short: "Print what the processes say", Args: takes(cobra.MaximumNArgs(1)),
	}
	follow := cmd.Flags().BoolP("follow", "f", false, "go on printing")
	tail := cmd.Flags().Int("tail", 20, "lines of each process to begin with")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		net, err := a.network()
		if err != nil {
			return err
		}
		files, err := logFiles(net, args)
		if err != nil {
			return err
		}
		for _, f := range files {
			for _, line := range supervise.Tail(f.path, 0, *tail) {
				fmt.Fprintf(a.out, "%s  %s\n", f.name, line)
			}
			f.seekEnd()
		}
		if *follow {
			return followAll(cmd.Context(), a.out, files)
		}
		return nil
	}
	return cmd
}

// logFile is one process's log as far as it was printed.
type logFile struct {
	name   string
	path   string
	offset int64
}

// logFiles finds the logs that the argument names: all, those of a node, or that of one process.
func logFiles(net datadir.Network, args []string) ([]*logFile, error) {
	node, process := "*", "*"
	if len(args) == 1 {
		var found bool
		if node, process, found = strings.Cut(args[0], "/"); !found {
			process = "*"
		}
	}
	paths, err := filepath.Glob(net.Node(node).Log(process))
	if err != nil || len(paths) == 0 {
		return nil, usage(fmt.Errorf("there is no log of %s in %s (a plugin's log is in its vmhost's)",
			strings.Join(args, ""), net.Dir))
	}
	files := make([]*logFile, len(paths))
	for i, p := range paths {
		part := strings.TrimSuffix(filepath.Base(p), ".log")
		files[i] = &logFile{name: filepath.Base(filepath.Dir(filepath.Dir(p))) + "/" + part, path: p}
	}
	return files, nil
}

func (f *logFile) seekEnd() {
	if info, err := os.Stat(f.path); err == nil {
		f.offset = info.Size()
	}
}

// logInterval is how often followed logs are looked at.
const logInterval = 200 * time.Millisecond

func followAll(ctx context.Context, w io.Writer, files []*logFile) error {
	tick := time.NewTicker(logInterval)
	defer tick.Stop()
	for {
		for _, f := range files {
			if err := f.printNew(w); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// printNew prints the whole lines that were added. A log that got shorter was set aside and begins anew.
func (f *logFile) printNew(w io.Writer) error {
	file, err := os.Open(f.path)
	if err != nil {
		return nil // set aside just now
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() < f.offset {
		f.offset = 0
	}
	if _, err := file.Seek(f.offset, io.SeekStart); err != nil {
		return err
	}
	r := bufio.NewReader(file)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil // the rest of the line comes later
		}
		f.offset += int64(len(line))
		if _, err := fmt.Fprintf(w, "%s  %s", f.name, line); err != nil {
			return err
		}
	}
}
