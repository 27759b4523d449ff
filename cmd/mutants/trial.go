package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

var (
	failed  = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)
	hung    = regexp.MustCompile(`(?m)^running tests:\n\t(\S+)`)
	crashed = regexp.MustCompile(`(?m)^(?:panic|fatal error): .*`)
)

// trial is what became of one bug.
type trial struct {
	bug  bug
	by   string // who noticed it
	took time.Duration
	err  error // why it isn't known to be noticed
}

// try plants a bug, lets the tests run, and takes it out again.
func (t *tree) try(ctx context.Context, b bug, whole bool) (tr trial) {
	begun := time.Now()
	tr.bug = b
	defer func() { tr.took = time.Since(begun) }()
	heal, err := t.plant(&b)
	if err != nil {
		tr.err = err
		return tr
	}
	tr.by, tr.err = t.notice(ctx, &b, whole)
	tr.err = errors.Join(tr.err, heal(), ctx.Err())
	return tr
}

// notice says which test notices the bug that is planted.
func (t *tree) notice(ctx context.Context, b *bug, whole bool) (by string, err error) {
	if out, err := t.goes(ctx, append([]string{"build", "-o", "/dev/null"}, b.packages()...)...); err != nil {
		return "", fmt.Errorf("%s doesn't compile: %s", b.name, out)
	}
	for _, c := range b.commands {
		out, err := t.command(ctx, c)
		if err != nil {
			return culprit(b, c, out, err)
		}
	}
	if whole {
		by, err := t.suite(ctx, b)
		if by != "" || err != nil {
			return "", fmt.Errorf("%s isn't noticed by what it names, but by %s of the packages that it reaches: %w",
				b.name, by, err)
		}
	}
	return "", fmt.Errorf("%s isn't noticed: %s It succeeds all the same: %s", b.name, b.breaks,
		strings.Join(b.commands, "; "))
}

// command runs a bug's command; go test in its short version, with an end of its own and no result of an earlier run.
func (t *tree) command(ctx context.Context, c string) (out string, err error) {
	args := strings.Fields(c)[1:]
	if args[0] == "test" {
		args = append([]string{"test", "-count=1", "-short", "-vet=off", "-timeout=3m"}, args[1:]...)
	} else if out, err := t.goes(ctx, "build", "-o", "/dev/null", args[1]); err != nil {
		return out + "[build failed]", err
	}
	return t.goes(ctx, args...)
}

// culprit reads from a command's output who has noticed a bug.
func culprit(b *bug, command, out string, err error) (by string, missed error) {
	switch {
	case strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]"):
		return "", fmt.Errorf("%s doesn't compile: %s", b.name, out)
	case failed.MatchString(out):
		return failed.FindStringSubmatch(out)[1], nil
	case hung.MatchString(out):
		return hung.FindStringSubmatch(out)[1] + " (hangs)", nil
	case crashed.MatchString(out):
		return crashed.FindString(out), nil
	case strings.HasPrefix(command, "go run "):
		return strings.TrimPrefix(command, "go run ./cmd/"), nil
	}
	return "", fmt.Errorf("%s: nobody knows why this failed: %s: %w\n%s", b.name, command, err, out)
}

// control runs a command without a bug.
func (t *tree) control(ctx context.Context, c string) error {
	out, err := t.command(ctx, c)
	switch {
	case err != nil:
		return fmt.Errorf("fails without any bug, so that it shows nothing: %s: %w\n%s", c, err, out)
	case strings.Contains(out, "no tests to run") || strings.Contains(out, "no test files"):
		return fmt.Errorf("runs no test, so that it shows nothing: %s\n%s", c, out)
	}
	return nil
}

// suite runs the tests of every package that a bug reaches.
func (t *tree) suite(ctx context.Context, b *bug) (by string, err error) {
	reached, err := t.reached(ctx, b)
	if err != nil || len(reached) == 0 {
		return "", err
	}
	c := "go test -short " + strings.Join(reached, " ")
	out, err := t.command(ctx, c)
	if err == nil {
		return "", nil
	}
	return culprit(b, c, out, err)
}

// reached lists the packages that are made, or tested, with one that a bug stands in.
func (t *tree) reached(ctx context.Context, b *bug) (packages []string, err error) {
	out, err := t.goes(ctx, append([]string{"list"}, b.packages()...)...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", b.name, err, out)
	}
	changed := strings.Fields(out)
	out, err = t.goes(ctx, "list", "-test", "-f", "{{with .ForTest}}{{.}} {{$.Deps}}{{end}}", "./...")
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", b.name, err, out)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(out) {
		f := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" []\n", r) })
		for _, c := range changed {
			uses := strings.Contains(line, c+" ") || strings.Contains(line, c+"]")
			if len(f) > 0 && !seen[f[0]] && (f[0] == c || uses) {
				seen[f[0]] = true
				packages = append(packages, f[0])
			}
		}
	}
	return packages, nil
}
