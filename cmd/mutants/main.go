// Command mutants shows that the tests bite. Each file in bugs/ is a bug that somebody could make, as a replacement of
// some lines, and names the tests that must notice it. One at a time they are planted in a copy of the tree, and the
// tests run. First every command runs without a bug, and must succeed: else a failure would mean nothing.
//
//	go run ./cmd/mutants
//	go run ./cmd/mutants -only 'sync|vote'
//	go run ./cmd/mutants -whole
//
// Exit code 5 when a bug isn't noticed, doesn't fit the code any more, or doesn't compile.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"

	"github.com/reevenet/reeve/cmd/internal/check"
)

func main() { check.Main(run, errMissed) }

func run(ctx context.Context) error {
	only := flag.String("only", "", "the bugs whose name this expression finds; default: all")
	parallel := flag.Int("parallel", 1, "how many bugs at once, each in a copy of its own: 1 or 2")
	whole := flag.Bool("whole", false, "look for what the named tests miss in those of every package that it reaches")
	flag.Parse()
	if *parallel < 1 || *parallel > 2 {
		return fmt.Errorf("-parallel is %d: one or two bugs are tried at once, more only wait for processors",
			*parallel)
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	bugs, err := readBugs(planted)
	if err != nil {
		return err
	}
	root, err := rootOfTree(ctx)
	if err != nil {
		return err
	}
	h := &hunt{root: root, bugs: named(bugs, match), parallel: *parallel, whole: *whole, out: os.Stdout}
	return h.run(ctx)
}

func named(bugs []bug, match *regexp.Regexp) (out []bug) {
	for _, b := range bugs {
		if match.MatchString(b.name) {
			out = append(out, b)
		}
	}
	return out
}
