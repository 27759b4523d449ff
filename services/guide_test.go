package services_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	_ "github.com/reevenet/reeve/proto/reeve/options/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

var update = flag.Bool("update", false,
	"write what is compared; the guide's descriptor needs protoc and its include files")

const (
	guide       = "../docs/add-a-subsystem.md"
	larger      = "\n## A larger one\n"
	allMessages = "proto/reeve/overseer/v1/all_messages.proto"
	list        = "services/services.go"
	containers  = "docker-compose.yml"
)

// step is one block of the guide: a whole file, or lines that are added to one.
type step struct {
	file  string
	lines []string
	whole bool
}

var block = regexp.MustCompile("(?s)<!-- (file|lines): (\\S+) -->\n```\\w+\n(.*?)```\n")

// example is one subsystem of the guide.
type example struct {
	name  string
	steps []step
}

// examples are the small one and the larger one.
func examples(t *testing.T) (small, large example) {
	t.Helper()
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	first, second, found := strings.Cut(string(text), larger)
	if !found {
		t.Fatalf("the guide has no part %q", larger)
	}
	return example{"uptime", steps(first)}, example{"diskwatch", steps(second)}
}

func steps(text string) (out []step) {
	for _, m := range block.FindAllStringSubmatch(text, -1) {
		out = append(out, step{m[2], strings.Split(strings.TrimSuffix(m[3], "\n"), "\n"), m[1] == "file"})
	}
	return out
}

// own tells whether a file is in one of the subsystem's own folders.
func (e *example) own(file string) bool {
	return strings.HasPrefix(file, "services/"+e.name+"/") || strings.HasPrefix(file, "proto/reeve/"+e.name+"/")
}

func (e *example) size() (lines, elsewhere int) {
	for _, s := range e.steps {
		lines += len(s.lines)
		if !e.own(s.file) {
			elsewhere++
		}
	}
	return lines, elsewhere
}

func TestAddingASubsystemIsSmall(t *testing.T) {
	small, large := examples(t)
	for _, c := range []struct {
		example
		lines, elsewhere int
	}{{small, 70, 2}, {large, 250, 3}} {
		lines, elsewhere := c.size()
		t.Logf("%s: %d lines, %d places outside its own folders", c.name, lines, elsewhere)
		if lines > c.lines || elsewhere > c.elsewhere || len(c.steps) < 5 {
			t.Errorf("%s: %d lines, %d places outside its own folders: at most %d and %d",
				c.name, lines, elsewhere, c.lines, c.elsewhere)
		}
	}
}

// The guide is followed literally: its files are laid over the tree, the code is generated as `make generate` would,
// and the result is built and tested.
func TestTheGuidesExampleCompilesAndPassesItsTest(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles half of the tree anew")
	}
	small, _ := examples(t)
	newOverlay(t).follow(t, small)
}

func TestTheGuidesLargerExampleRunsOnANetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles half of the tree anew, and starts a dozen processes")
	}
	_, large := examples(t)
	o := newOverlay(t)
	o.follow(t, large)
	o.passes(t, "./services", "ThePartsOfANode|CalledTheSame")
	o.goes(t, "build", "-o", filepath.Join(o.dir, "reeve"), "./cmd/reeve")
	o.goes(t, "build", "-o", filepath.Join(o.dir, "plugins", "kvvm"), "./vmhost/kvvm/cmd/kvvm")

	o.reeve(t, "devnet", "up", "--detach", "--validators", "2", "--port-base", "0", "--timeout", "50s")
	t.Cleanup(func() { o.reeve(t, "devnet", "down") })
	var p struct {
		State  string
		Fields map[string]any
	}
	if err := json.Unmarshal(o.reeve(t, "svc", "describe", "diskwatch", "-o", "json"), &p); err != nil {
		t.Fatal(err)
	}
	free, ok := p.Fields["free"].(float64)
	if p.State != "running" || !ok || free <= 0 || p.Fields["peers-with-less"] == nil {
		t.Errorf("its status is %+v", p)
	}
	if view := o.reeve(t, "config", "view"); !bytes.Contains(view, []byte("diskwatch.least")) {
		t.Errorf("its setting isn't among\n%s", view)
	}
}

// follow does what the guide says, and builds and tests what comes out.
func (o *overlay) follow(t *testing.T, e example) {
	t.Helper()
	var enum *descriptorpb.FileDescriptorProto
	for _, s := range e.steps {
		switch {
		case s.file == allMessages:
			o.generate(t, enum, s.lines)
		case strings.HasSuffix(s.file, ".proto"):
			enum = compiled(t, e.name, s)
		case s.whole:
			o.add(t, s.file, []byte(strings.Join(s.lines, "\n")+"\n"))
		default:
			o.add(t, s.file, insert(t, s))
		}
	}
	o.goes(t, "build", "./services/"+e.name, "./services")
	o.passes(t, "./services/"+e.name, ".")
}

// insert adds the lines of a step where they belong.
func insert(t *testing.T, s step) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", s.file))
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case s.file == list && len(s.lines) == 2: // an import below the last one, and a line in the list
		text := strings.Replace(string(b), "\n)\n", "\n"+s.lines[0]+"\n)\n", 1)
		return before(t, text, "\t}\n\treturn append(list, ", s.lines[1]+"\n")
	case s.file == containers:
		return before(t, string(b), "\nvolumes:\n", "\n"+strings.Join(s.lines, "\n")+"\n")
	}
	t.Fatalf("nobody knows where in %s to add %q", s.file, s.lines)
	return nil
}

// before adds something in front of the last place that is marked.
func before(t *testing.T, text, mark, more string) []byte {
	t.Helper()
	at := strings.LastIndex(text, mark)
	if at < 0 {
		t.Fatalf("there is no %q", mark)
	}
	return []byte(text[:at] + more + text[at:])
}

// compiled is the descriptor of the guide's enum, which was compiled when the guide was last changed.
func compiled(t *testing.T, name string, s step) *descriptorpb.FileDescriptorProto {
	t.Helper()
	source := strings.Join(s.lines, "\n") + "\n"
	descriptor := filepath.Join("testdata", name+".binpb")
	if *update {
		compile(t, descriptor, s.file, source)
	}
	b, err := os.ReadFile(descriptor)
	if err != nil {
		t.Fatal(err)
	}
	text, raw, _ := bytes.Cut(b, []byte{0})
	if string(text) != source {
		t.Fatal("the guide's enum has changed: go test ./services -run Guide -update")
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(raw, &set); err != nil || len(set.File) != 1 {
		t.Fatal(err)
	}
	f := set.File[0]
	f.Options = &descriptorpb.FileOptions{GoPackage: proto.String("github.com/reevenet/reeve/proto/reeve/" + name +
		"/v1;" + name + "v1")}
	return f
}

// compile writes source and descriptor, so that a stale one is noticed.
func compile(t *testing.T, descriptor, file, source string) {
	t.Helper()
	root := t.TempDir()
	name := strings.TrimPrefix(file, "proto/")
	set := filepath.Join(root, "set")
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("protoc", "-I"+root, "-I../proto", "-I/usr/include", "-o"+set,
		name).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	raw, err := os.ReadFile(set)
	if err == nil {
		err = os.WriteFile(descriptor, slices.Concat([]byte(source), []byte{0}, raw), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// overlay is a set of files that the go command sees in the tree.
type overlay struct {
	root, dir string
	files     map[string]string
}

func newOverlay(t *testing.T) *overlay {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return &overlay{root: root, dir: t.TempDir(), files: map[string]string{}}
}

func (o *overlay) add(t *testing.T, path string, content []byte) {
	t.Helper()
	at := filepath.Join(o.dir, strings.ReplaceAll(path, "/", "_"))
	if err := os.WriteFile(at, content, 0o600); err != nil {
		t.Fatal(err)
	}
	o.files[filepath.Join(o.root, path)] = at
}

// passes builds a package's tests and runs some of them, beside the files of the root that the guide changes.
func (o *overlay) passes(t *testing.T, pkg, which string) {
	t.Helper()
	beside := filepath.Join(o.dir, "root", pkg)
	if err := os.MkdirAll(beside, 0o755); err != nil { //nolint:gosec // as any folder of a checkout
		t.Fatal(err)
	}
	if changed, ok := o.files[filepath.Join(o.root, containers)]; ok {
		if err := os.Link(changed, filepath.Join(o.dir, "root", containers)); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
	}
	test := filepath.Join(beside, "test")
	o.goes(t, "test", "-vet=off", "-c", "-o", test, pkg)
	cmd := exec.Command(test, "-test.run", which)
	cmd.Dir = beside
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", pkg, err, out)
	}
}

// reeve runs a command of the program that was built, and returns what it prints.
func (o *overlay) reeve(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(filepath.Join(o.dir, "reeve"), append(args, "--data-dir", filepath.Join(o.dir, "data"))...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("reeve %s: %v\n%s%s", strings.Join(args, " "), err, out, errs.String())
	}
	return out
}

func (o *overlay) goes(t *testing.T, command string, args ...string) {
	t.Helper()
	b, err := json.Marshal(map[string]any{"Replace": o.files})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(o.dir, "overlay.json")
	if err := os.WriteFile(list, b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", append([]string{command, "-overlay", list}, args...)...)
	cmd.Dir = o.root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", command, err, out)
	}
}

// generate makes the Go of the guide's enum and of the directory with the guide's two lines, as protoc-gen-go makes it
// of the files.
func (o *overlay) generate(t *testing.T, enum *descriptorpb.FileDescriptorProto, lines []string) {
	t.Helper()
	req := &pluginpb.CodeGeneratorRequest{Parameter: proto.String("paths=source_relative")}
	directory := overseerv1.File_reeve_overseer_v1_all_messages_proto
	imports(req, map[string]bool{directory.Path(): true}, directory.Imports())
	req.ProtoFile = append(req.ProtoFile, enum, withLines(t, directory, lines))
	req.FileToGenerate = []string{enum.GetName(), directory.Path()}
	in, err := proto.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "tool", "protoc-gen-go")
	cmd.Dir, cmd.Stdin, cmd.Stderr = o.root, bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var resp pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out, &resp); err != nil || resp.GetError() != "" {
		t.Fatal(err, resp.GetError())
	}
	for _, f := range resp.File {
		o.add(t, "proto/"+f.GetName(), []byte(f.GetContent()))
	}
}

// imports lists all files that are needed, those that others need first.
func imports(req *pluginpb.CodeGeneratorRequest, seen map[string]bool, list protoreflect.FileImports) {
	for i := range list.Len() {
		f := list.Get(i).FileDescriptor
		if seen[f.Path()] {
			continue
		}
		seen[f.Path()] = true
		imports(req, seen, f.Imports())
		req.ProtoFile = append(req.ProtoFile, protodesc.ToFileDescriptorProto(f))
	}
}

var (
	importLine = regexp.MustCompile(`^import "(.+)";$`)
	fieldLine  = regexp.MustCompile(`^ +(\S+) (\w+) = (\d+);$`)
)

// withLines is the directory with the two lines that the guide adds.
func withLines(t *testing.T, directory protoreflect.FileDescriptor, lines []string) *descriptorpb.FileDescriptorProto {
	t.Helper()
	imported, field := importLine.FindStringSubmatch(lines[0]), fieldLine.FindStringSubmatch(lines[1])
	if imported == nil || field == nil {
		t.Fatalf("not an import and a field: %q", lines)
	}
	d := protodesc.ToFileDescriptorProto(directory)
	d.Dependency = append(d.Dependency, imported[1])
	all := d.MessageType[0]
	number := int32(0)
	if err := json.Unmarshal([]byte(field[3]), &number); err != nil {
		t.Fatal(err)
	}
	for _, f := range all.Field {
		if f.GetNumber() == number {
			t.Fatalf("the guide takes number %d, which is %s's", number, f.GetName())
		}
	}
	all.Field = append(all.Field, &descriptorpb.FieldDescriptorProto{
		Name: proto.String(field[2]), JsonName: proto.String(field[2]), Number: proto.Int32(number),
		TypeName: proto.String("." + field[1]), OneofIndex: proto.Int32(0),
		Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		Type:  descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(),
	})
	return d
}
