package vmdev_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reevenet/reeve/cmd/internal/scaffold"
	"github.com/reevenet/reeve/cmd/internal/scaffold/scaffoldtest"
	"github.com/reevenet/reeve/cmd/internal/vmdev"
	"github.com/reevenet/reeve/internal/process/errcode"
)

func makeHello(t *testing.T) (dir, plugin string) {
	t.Helper()
	dir, err := vmdev.New(t.Context(), scaffold.Project{Name: "hello", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	plugin = filepath.Join(dir, "hello")
	build := exec.Command("go", "build", "-o", plugin, ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOPROXY=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the new VM doesn't build: %v\n%s", err, out)
	}
	return dir, plugin
}

func TestANewVMBuildsAndConforms(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	dir, plugin := makeHello(t)
	report, err := vmdev.Test(t.Context(), vmdev.TestVM{Plugin: plugin})
	if err != nil {
		t.Fatal(err)
	}
	if !report.Passed() {
		t.Errorf("a VM as it comes from `vm new` fails the kit:\n%v", report)
	}
	for _, r := range report.Results {
		if r.Skipped != "" {
			t.Errorf("%s wasn't tried: %s", r.ID, r.Skipped)
		}
	}
	scaffoldtest.Formatted(t, dir)
	if d := vmdev.Doctor(t.Context(), plugin); !d.OK() || len(d.Findings) < 4 {
		t.Errorf("the doctor finds: %+v", d)
	}
}

// A VM is small. What its go.mod lists comes with vmsdk and vmtest, a quarter of it because spans leave the plugin over
// OTLP: when this fails, one of them has begun to import the node.
func TestANewVMListsOnlyTheModulesThatAVMNeeds(t *testing.T) {
	dir, err := vmdev.New(t.Context(), scaffold.Project{Name: "hello", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	scaffoldtest.Needs(t, dir, 35)
}

func TestNewRefusesWhatItCannotDo(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"", "Hello", "../x", "a b", strings.Repeat("x", 99)} {
		if _, err := vmdev.New(t.Context(), scaffold.Project{Name: name, Dir: dir}); err == nil {
			t.Errorf("%q was taken as a name", name)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "there"), 0o755); err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]scaffold.Project{
		"there already":            {Name: "there", Dir: dir},
		"isn't the top of Reeve's": {Name: "new", Dir: dir, Checkout: dir},
	} {
		var readable *errcode.Error
		if _, err := vmdev.New(t.Context(), o); !errors.As(err, &readable) || !strings.Contains(readable.What, want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("a VM that can't be made leaves its directory behind")
	}
}

func TestACheckThatThereIsntIsNotPassed(t *testing.T) {
	_, err := vmdev.Test(t.Context(), vmdev.TestVM{Plugin: "/bin/true", Only: []string{"build", "nonsense"}})
	if readable, ok := errors.AsType[*errcode.Error](err); !ok || !strings.Contains(readable.Do, "build") {
		t.Errorf("got %v, want the names that there are", err)
	}
}

func TestTheDoctorNamesWhatIsWrong(t *testing.T) {
	d := vmdev.Doctor(t.Context(), "/bin/true")
	if d.OK() || !strings.Contains(d.Err.Error(), "ended before it was ready") {
		t.Errorf("/bin/true as a plugin: %v", d.Err)
	}
	if d := vmdev.Doctor(t.Context(), "/no/such/file"); d.OK() || !strings.Contains(d.Err.Error(), "isn't there") {
		t.Errorf("no plugin: %v", d.Err)
	}
}
