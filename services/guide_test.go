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

var update = flag.Bool("update", false, "write what is compared; the guide's descriptor needs protoc and its include files")

const (
	guide       = "../docs/add-a-subsystem.md"
	descriptor  = "testdata/uptime.binpb"
	allMessages = "proto/reeve/overseer/v1/all_messages.proto"
	maxLines    = 70
	maxFiles    = 6
)

// step is one block of the guide: a whole file, or lines that are added to one.
type step struct {
	file  string
	lines []string
	whole bool
}

var block = regexp.MustCompile("(?s)<!-- (file|lines): (\\S+) -->\n```\\w+\n(.*?)```\n")

func steps(t *testing.T) (out []step) {
	t.Helper()
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range block.FindAllStringSubmatch(string(text), -1) {
		out = append(out, step{m[2], strings.Split(strings.TrimSuffix(m[3], "\n"), "\n"), m[1] == "file"})
	}
	return out
}

func TestAddingASubsystemIsSmall(t *testing.T) {
	lines, files := 0, 0
	for _, s := range steps(t) {
		lines += len(s.lines)
		files++
	}
	t.Logf("%d lines in %d files", lines, files)
	if lines > maxLines || files > maxFiles || files < 5 {
		t.Errorf("%d lines in %d files: at most %d in %d", lines, files, maxLines, maxFiles)
	}
}

// The guide is followed literally: its files are laid over the tree, the code is generated as `make generate` would, and the
// result is built and tested.
func TestTheGuidesExampleCompilesAndPassesItsTest(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles half of the tree anew")
	}
	o := newOverlay(t)
	var enum *descriptorpb.FileDescriptorProto
	for _, s := range steps(t) {
		switch {
		case s.file == allMessages:
			o.generate(t, enum, s.lines)
		case strings.HasSuffix(s.file, ".proto"):
			enum = compiled(t, s)
		case s.whole:
			o.add(t, s.file, []byte(strings.Join(s.lines, "\n")+"\n"))
		default:
			o.add(t, s.file, insert(t, s))
		}
	}
	o.goes(t, "build", "./services/uptime", "./services")
	test := filepath.Join(o.dir, "uptime.test")
	o.goes(t, "test", "-vet=off", "-c", "-o", test, "./services/uptime")
	if out, err := exec.Command(test).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// insert adds an import below the last one, and a line to the list of parts.
func insert(t *testing.T, s step) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", s.file))
	if err != nil || len(s.lines) != 2 {
		t.Fatal(s, err)
	}
	text := strings.Replace(string(b), "\n)\n", "\n"+s.lines[0]+"\n)\n", 1)
	end := strings.LastIndex(text, "\n\t}\n\treturn append(list, ")
	if end < 0 {
		t.Fatalf("%s has no list", s.file)
	}
	return []byte(text[:end] + "\n" + s.lines[1] + text[end:])
}

// compiled is the descriptor of the guide's enum, which was compiled when the guide was last changed.
func compiled(t *testing.T, s step) *descriptorpb.FileDescriptorProto {
	t.Helper()
	source := strings.Join(s.lines, "\n") + "\n"
	if *update {
		compile(t, s.file, source)
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
	f.Options = &descriptorpb.FileOptions{GoPackage: proto.String("github.com/reevenet/reeve/proto/reeve/uptime/v1;uptimev1")}
	return f
}

// compile writes source and descriptor, so that a stale one is noticed.
func compile(t *testing.T, file, source string) {
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
	if out, err := exec.Command("protoc", "-I"+root, "-I../proto", "-I/usr/include", "-o"+set, name).CombinedOutput(); err != nil {
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

// generate makes the Go of the guide's enum and of the directory with the guide's two lines, as protoc-gen-go makes it of the files.
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
		Name: proto.String(field[2]), JsonName: proto.String(field[2]), Number: proto.Int32(number), TypeName: proto.String("." + field[1]), OneofIndex: proto.Int32(0),
		Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(), Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(),
	})
	return d
}
