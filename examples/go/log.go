// SPDX-License-Identifier: Apache-2.0

package samlet

// #include "shim.h"
import "C"

import (
	"runtime"
	"runtime/cgo"
	"unsafe"
)

// LogLevel says how much a line of the log matters.
type LogLevel uint32

const (
	Info    LogLevel = C.SAMLET_LOG_INFO
	Warning LogLevel = C.SAMLET_LOG_WARNING
)

// LogFunc is called from the goroutine whose call logs.
type LogFunc func(level LogLevel, text string)

//export samletGoLog
func samletGoLog(context unsafe.Pointer, level C.samlet_log_level, text *C.char) {
	cgo.Handle(uintptr(context)).Value().(LogFunc)(LogLevel(level), C.GoString(text))
}

// finalize lets the garbage collector close what was forgotten. It keeps a session's model and block until the session is
// closed, because the session points at them.
func finalize[T interface{ Close() error }](handle T) {
	runtime.SetFinalizer(handle, func(handle T) { handle.Close() })
}
