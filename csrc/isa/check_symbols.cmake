# Fails the build if an ISA library defines an external symbol outside its own namespace. Other
# files may define the same inline function, of which the linker keeps one copy for all: if it were
# the one compiled for this ISA, older CPUs would meet instructions that they do not have.
execute_process(COMMAND ${NM} --demangle --defined-only --extern-only ${LIB}
  OUTPUT_VARIABLE listing RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "cannot list the symbols of ${LIB}")
endif()
string(REGEX MATCHALL "[0-9a-f]+ [A-Za-z] [^\n]+" symbols "${listing}")
set(own 0)
foreach(symbol IN LISTS symbols)
  if(symbol MATCHES "fastconv::${ISA}::")
    math(EXPR own "${own} + 1")
  elseif(NOT symbol MATCHES " __odr_asan[.]")  # AddressSanitizer marks globals with them
    message(FATAL_ERROR "${LIB}: a symbol outside fastconv::${ISA}:: would leak: ${symbol}")
  endif()
endforeach()
if(own EQUAL 0)
  message(FATAL_ERROR "${LIB}: no symbol of fastconv::${ISA}:: found; is the listing readable?")
endif()
