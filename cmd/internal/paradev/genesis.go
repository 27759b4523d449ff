package paradev

import (
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/vmhost/relayvm"
)

// howPara is how a para is written on the command line.
const howPara = "Write ID=CODE,head=HEX, such as 2100=hello.wasm,head=$(./hello head)."

// Parse reads a para as it is written on the command line: ID=CODE,head=HEX, where CODE is the file of its validation
// code.
func Parse(text string) (p relayvm.GenesisPara, err error) {
	bad := func(format string, args ...any) (relayvm.GenesisPara, error) {
		return p, errcode.New(errcode.BadUsage, howPara, nil, "%q is no para: %s", text, fmt.Sprintf(format, args...))
	}
	name, rest, ok := strings.Cut(text, "=")
	file, head, ok2 := strings.Cut(rest, ",head=")
	if !ok || !ok2 || file == "" {
		return bad("something is missing")
	}
	id, err := strconv.ParseUint(name, 10, 32)
	if err != nil {
		return bad("its id is a number up to 4294967295")
	}
	p.ID = uint32(id)
	if p.Head, err = hex.DecodeString(head); err != nil {
		return bad("its head is in hexadecimal: %v", err)
	}
	if p.Code, err = os.ReadFile(file); err != nil {
		return bad("its code can't be read: %v", err)
	}
	if len(p.Code) == 0 {
		return bad("%s is empty", file)
	}
	return p, nil
}
