# Makefile - builds oodbench, its backends and its methods, each folder a registry:
# a new file is built because it is there. `make help` lists the targets.

JOBS    := $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
MAKEFLAGS += $(JOBS) # all processors, unless -j says otherwise
B       ?= build
CC      ?= cc
SAN     ?=
OPT     ?= -O2 -g
PKGS    := hdf5-serial yaml-0.1 spng libjpeg libzip lapacke libcrypto zlib
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
           -Wwrite-strings -Wundef $(if $(DEVELOPER),-Werror)
STD     := -std=c11 -D_GNU_SOURCE -fPIC -pthread -ffp-contract=off
Q       := $(if $(V),,@)
SETUP   := $(if $(filter clean help uninstall,$(MAKECMDGOALS)),,$(shell sh .ci/install >&2 || echo failed))
$(if $(SETUP),$(error a package is missing, see above))

CFLAGS_ := $(STD) $(OPT) $(SAN) $(WARN) $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
# Where a bundle has the libraries that are linked (`make bundle`); nothing is there else.
BUNDLED := -Wl,--disable-new-dtags,-rpath,\$$ORIGIN/lib:\$$ORIGIN/../lib:\$$ORIGIN/../../lib
SYSTEM  := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lcsv -lm -ldl
LIBS    := $(SYSTEM) $(BUNDLED)
DNN     := $(shell sh .ci/onednn-major)
NVCC    := $(if $(filter clean help uninstall,$(MAKECMDGOALS)),,$(shell $(if $(filter-out undefined default,$(origin NVCC)),NVCC='$(NVCC)') sh .ci/cuda))

HOST    := $(patsubst %.c,%.o,$(filter-out harness/main.c,$(wildcard harness/*.c datasets/*.c plots/*.c)))
CPU     := $(patsubst %.c,%.o,$(filter-out kernels/cpu/onednn%.c,$(wildcard kernels/cpu/*.c)) kernels/cpu/onednn$(DNN).c)
CUDA    := $(if $(NVCC),$(patsubst %,%.o,$(wildcard kernels/cuda/*.c kernels/cuda/*.cu)))
WIRES   := $(if $(filter clean help uninstall,$(MAKECMDGOALS)),,$(patsubst %,$(B)/kernels/wire/%.so,$(shell sh .ci/wires $(NVCC))))
METHODS := $(patsubst %.c,$(B)/%.so,$(wildcard methods/*.c))
BAD     := $(patsubst %.c,$(B)/%.so,$(wildcard tests/bad/*.c))
SHIMS   := $(patsubst %.c,$(B)/%.so,$(wildcard tests/shim/*.c))
TESTS   := $(patsubst %.c,$(B)/%,$(wildcard tests/*.c))
EMULATED := $(patsubst %,tests/emulator/%.o,$(wildcard kernels/cuda/*.c kernels/cuda/*.cu)) $(patsubst %,%.o,$(wildcard tests/emulator/*.cpp))
BENCH   := $(patsubst %.c,$(B)/%.o,$(wildcard tests/bench/*.c))
DOUBLE  := $(patsubst %.c,$(B)/%,$(wildcard tests/double/*.c))
FUZZ    := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/*.c))

PREFIX  ?= /usr/local
DESTDIR ?=

.PHONY: all demo test lint bench bundle install uninstall deb method san soak tsan races fuzz fuzzers clean help
.DELETE_ON_ERROR:
.SECONDARY:
all: $(B)/oodbench $(B)/kernels/ref.so $(B)/kernels/cpu.so $(if $(CUDA),$(B)/kernels/cuda.so) $(WIRES) $(METHODS) $(B)/oodbench.1

# Everything depends on the flags it was built with. What was built is installed as it
# is, by whoever may: root may find another compiler of CUDA, or none.
$(B)/flags: force
	@$(if $(filter install,$(MAKECMDGOALS)),[ ! -e $@ ] || exit 0; )mkdir -p $(@D); echo '$(CC) $(CFLAGS_) $(LIBS) $(DNN) $(NVCC)' | cmp -s - $@ || echo '$(CC) $(CFLAGS_) $(LIBS) $(DNN) $(NVCC)' > $@
.PHONY: force

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D); $(if $(V),,echo '  CC   $<')
	$(Q)$(CC) $(CFLAGS_) -MMD -MP -c $< -o $@
$(B)/real64/%.o: %.c $(B)/flags
	@mkdir -p $(@D); $(if $(V),,echo '  CC64 $<')
	$(Q)$(CC) $(CFLAGS_) -DBK_REAL=double -MMD -MP -c $< -o $@

$(B)/oodbench: $(addprefix $(B)/,harness/main.o $(HOST)) tests/exports.txt
	@echo '  LINK $@'
	$(Q)$(CC) $(SAN) -pthread -o $@ $(filter %.o,$^) -Wl,--dynamic-list=tests/exports.txt $(LDFLAGS) $(LIBS)
$(B)/oodbench.1: harness/oodbench.1 .ci/manual $(B)/oodbench $(METHODS)
	$(Q)sh .ci/manual $(B)/oodbench <$< >$@
$(B)/kernels/ref.so: $(B)/kernels/ref.o
	@echo '  LINK $@'
	$(Q)$(CC) $(SAN) -shared -Wl,-z,defs -o $@ $^ $(LDFLAGS) -lm
$(B)/kernels/cpu.so: $(addprefix $(B)/,$(CPU)) kernels/exports.map
	@echo '  LINK $@'
	$(Q)$(CC) $(SAN) -shared -Wl,-z,defs -Wl,--version-script=kernels/exports.map -o $@ $(filter %.o,$^) $(LDFLAGS) -ldnnl -l:libgomp.so.1 -lm
# Machine code for the cards from Turing to Hopper, PTX for what follows.
CARDS   ?= 75 80 86 89 90a
CUFLAGS := -O3 -g -Xcompiler -fPIC,-Wall,-Wextra $(foreach c,$(CARDS),-gencode arch=compute_$c,code=sm_$c) \
           -gencode arch=compute_90,code=compute_90
$(B)/kernels/cuda/%.cu.o: kernels/cuda/%.cu $(B)/flags
	@mkdir -p $(@D); $(if $(V),,echo '  NVCC $<')
	$(Q)$(NVCC) -std=c++17 $(CUFLAGS) -MMD -MP -c $< -o $@
$(B)/kernels/cuda/%.c.o: kernels/cuda/%.c $(B)/flags
	@mkdir -p $(@D); $(if $(V),,echo '  NVCC $<')
	$(Q)$(NVCC) -O2 -g -Xcompiler -std=c11,-D_GNU_SOURCE,-fPIC,-Wall,-Wextra -MMD -MP -c $< -o $@
$(B)/kernels/cuda/images.cu.o: CUFLAGS += -fmad=false # random.h's draws have the same bits everywhere
$(B)/kernels/cuda.so: $(addprefix $(B)/,$(CUDA)) kernels/exports.map
	@echo '  LINK $@'
	$(Q)$(NVCC) -shared -cudart static -o $@ $(filter %.o,$^) -Xlinker --version-script=kernels/exports.map -Xlinker -z,defs -lcudnn -lcublas
# What joins the processes of one training. The wrapper of MPI calls the compiler of everything else.
MPICC   ?= mpicc
$(B)/kernels/wire/mpi.so: kernels/wire/mpi.c kernels/wire.h $(B)/flags
	@mkdir -p $(@D); $(if $(V),,echo '  MPI  $<')
	$(Q)OMPI_CC='$(CC)' MPICH_CC='$(CC)' $(MPICC) $(STD) $(OPT) $(SAN) $(WARN) -shared -o $@ $<
$(B)/kernels/wire/%.c.o: kernels/wire/%.c $(B)/flags
	@mkdir -p $(@D); $(if $(V),,echo '  NVCC $<')
	$(Q)$(NVCC) -O2 -g -Xcompiler -std=c11,-D_GNU_SOURCE,-fPIC,-Wall,-Wextra -MMD -MP -c $< -o $@
$(B)/kernels/wire/nccl.so: $(B)/kernels/wire/nccl.c.o
	@echo '  LINK $@'
	$(Q)$(NVCC) -shared -cudart static -o $@ $< -lnccl -Xlinker -z,defs
# The same files for the processor, and what they call in place of CUDA (tests/emulator).
EMULATE := -std=c++17 $(OPT) -fPIC -pthread -ffp-contract=off -fvisibility=hidden $(SAN) -Wall -Wextra -Wno-unknown-pragmas -Itests/emulator/include -MMD -MP
$(B)/tests/emulator/%.cu.o: %.cu $(B)/flags
	@mkdir -p $(@D); $(if $(V),,echo '  C++  $<')
	$(Q)$(CXX) $(EMULATE) -x c++ -c $< -o $@
$(B)/tests/emulator/%.c.o: %.c $(B)/flags
	@mkdir -p $(@D); $(if $(V),,echo '  CC   $<')
	$(Q)$(CC) $(filter-out -fvisibility%,$(CFLAGS_)) -Itests/emulator/include -MMD -MP -c $< -o $@
$(B)/tests/emulator/%.cpp.o: tests/emulator/%.cpp $(B)/flags
	@mkdir -p $(@D); $(if $(V),,echo '  C++  $<')
	$(Q)$(CXX) $(EMULATE) $(if $(SAN),,-O3) -c $< -o $@
$(B)/tests/emulator/fibers.cpp.o: EMULATE += $(if $(SAN),-fno-sanitize=all) # it changes stacks
$(B)/tests/emulator/cuda.so: $(addprefix $(B)/,$(EMULATED)) kernels/exports.map $(B)/kernels/ref.so $(B)/kernels/cpu.so
	@echo '  LINK $@'
	$(Q)$(CXX) $(SAN) -shared -Wl,-soname,libcuda.so.1 -Wl,-z,defs -Wl,--version-script=kernels/exports.map -o $@ $(filter %.o,$^) -lm
	@ln -sf ../cuda.so $(@D)/kernels/ && for k in ref cpu; do ln -sf ../../../kernels/$$k.so $(@D)/kernels/; done
# Vectors; nothing here reads errno or floating-point exceptions. Results stay exact.
$(addprefix $(B)/,$(CPU)): CFLAGS_ += $(if $(SAN),,-O3) -fno-math-errno -fno-trapping-math
$(METHODS) $(BAD): CFLAGS_ += -fvisibility=hidden
$(METHODS) $(BAD): $(B)/%.so: $(B)/%.o
	$(Q)$(CC) $(SAN) -shared -o $@ $^ -lm
$(SHIMS): $(B)/%.so: $(B)/%.o # what tests preload
	$(Q)$(CC) -shared -o $@ $^ -ldl
$(SHIMS:.so=.o): CFLAGS_ := $(filter-out $(SAN),$(CFLAGS_))
$(TESTS): $(B)/%: $(B)/%.o $(addprefix $(B)/,$(HOST)) tests/exports.txt
	$(Q)$(CC) $(SAN) -pthread -o $@ $(filter %.o,$^) -Wl,--dynamic-list=tests/exports.txt $(LDFLAGS) $(LIBS) -lcmocka
$(B)/tests/fibers: $(addprefix $(B)/,$(filter tests/emulator/%.cpp.o,$(EMULATED)) tests/emulator/tests/emulator/faulty.cu.o)
$(B)/tests/fibers: LDFLAGS += -lstdc++
$(B)/tests/fibers.o: private CFLAGS_ += -Itests/emulator/include
# These know the cuda backend's inside: it is linked in, on the emulator.
INSIDE  := $(addprefix $(B)/tests/,cuda engines)
$(INSIDE): $(addprefix $(B)/,$(EMULATED))
$(INSIDE): LDFLAGS += -lstdc++
$(B)/tests/descriptors: $(B)/tests/emulator/kernels/cuda/conv_graph.c.o
$(addsuffix .o,$(INSIDE) $(B)/tests/descriptors): private CFLAGS_ += -Itests/emulator/include
$(DOUBLE): $(B)/%: $(B)/real64/%.o $(addprefix $(B)/real64/,$(HOST) kernels/ref.o)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) -pthread -o $@ $(filter %.o,$^) -Wl,--dynamic-list=tests/exports.txt $(LDFLAGS) $(LIBS) -lcmocka

# A parser's target, for libFuzzer; tests/corpus has all of them, each by its own name.
$(B)/host.a: $(addprefix $(B)/,$(HOST))
	$(Q)rm -f $@ && ar rcs $@ $^
$(FUZZ): %: %.o $(B)/host.a
	@echo '  LINK $@'
	$(Q)$(CC) $(subst fuzzer-no-link,fuzzer,$(SAN)) -pthread -o $@ $^ $(LIBS)
ifeq (,$(findstring fuzzer,$(SAN)))
$(foreach f,$(FUZZ),$(eval $f.o: private CFLAGS_ += -DLLVMFuzzerTestOneInput=fuzz_$(notdir $f)))
endif
$(B)/tests/corpus: $(addsuffix .o,$(FUZZ))

$(B)/tests/bench/bench: $(BENCH) $(addprefix $(B)/,$(HOST) kernels/cpu/primitive.o kernels/cpu/onednn$(DNN).o) tests/exports.txt
	@echo '  LINK $@'
	$(Q)$(CC) $(SAN) -pthread -o $@ $(filter %.o,$^) -Wl,--dynamic-list=tests/exports.txt $(LDFLAGS) $(LIBS) -ldnnl

demo: all
	$(Q)$(B)/oodbench run results/demo.yml && $(B)/oodbench report results/out/demo
test: all $(TESTS) $(DOUBLE) $(BAD) $(SHIMS) $(B)/tests/emulator/cuda.so
	$(Q)B=$(B) sh tests/run.sh
lint: all
	$(Q)sh .ci/install lint && B=$(B) sh tests/lint.sh
bench: all $(B)/tests/bench/bench
	$(Q)$(B)/tests/bench/bench $(if $(DEVICE),--device $(DEVICE)) $(OP)
bundle: all $(TESTS) $(DOUBLE) $(BAD) $(SHIMS) $(B)/tests/bench/bench
	$(Q)B=$(B) sh .ci/bundle
PLACE    = LINK='$(CC) $(SAN) -pthread $(addprefix $(B)/,harness/main.o $(HOST)) -Wl,--dynamic-list=tests/exports.txt $(LDFLAGS) $(SYSTEM)' \
           B=$(B) CC='$(CC)' sh .ci/place
install: all
	$(Q)PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' $(PLACE) install
uninstall:
	$(Q)PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' sh .ci/place uninstall
deb: all
	$(Q)d=$$(mktemp -d) && trap 'rm -rf "$$d"' EXIT && \
		PREFIX=/usr DESTDIR="$$d" $(PLACE) install >/dev/null && B=$(B) sh .ci/deb "$$d"
method:
	$(Q)sh methods/new.sh '$(NAME)'
# Signals stay signals, since tests wait for them. What the sanitizer notes of thread-local storage
# is not followed: of OpenMP's threads it notes addresses where nothing is, and dies looking for leaks there.
san:
	$(Q)OMP_NUM_THREADS=1 ASAN_OPTIONS=handle_segv=0:abort_on_error=1:detect_leaks=1:intercept_tls_get_addr=0:suppressions=$(CURDIR)/tests/asan.supp $(MAKE) B=$(B)-san SAN='-fsanitize=address,undefined -fno-omit-frame-pointer' OPT='-O1 -g' test
# Faults in their long form: `make soak [NAME=kill]`. tests/soak.sh says which there are.
soak: all $(BAD) $(SHIMS) $(addprefix $(B)/tests/,faults damage hostile memcheck alloc kill disk soak)
	$(Q)B=$(B) nice sh tests/soak.sh $(NAME)
# Races, among the threads of ours: OpenMP's own look like races to the sanitizer.
RACES   := stream streamed crops decode formats encoded import tsne second
tsan:
	$(Q)OMP_NUM_THREADS=1 $(MAKE) B=$(B)-tsan NVCC= SAN='-fsanitize=thread' OPT='-O1 -g' races
races: all $(addprefix $(B)/tests/,$(RACES))
	$(Q)for t in $(RACES); do echo "== $$t"; B=$(B) TSAN_OPTIONS=halt_on_error=1:suppressions=$(CURDIR)/tests/tsan.supp $(B)/tests/$$t || exit 1; done
# `make fuzz [NAME=tar] [SECONDS=600]`: all parsers, or one, each so long.
SECONDS ?= 60
fuzz:
	$(Q)sh .ci/install fuzz
	$(Q)$(MAKE) B=$(B)-fuzz CC=clang NVCC= OPT='-O1 -g' SAN='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer' fuzzers
	$(Q)B=$(B)-fuzz sh tests/fuzz.sh $(SECONDS) $(NAME)
fuzzers: $(FUZZ)
clean:
	rm -rf build build-*
help:
	@sed -n 's/^# \{0,1\}//;1,2p' Makefile; echo 'targets: all demo test lint bench bundle install uninstall deb method (NAME=x) san soak tsan fuzz (NAME=x SECONDS=n) clean'

-include $(shell find $(B) -name '*.d' 2>/dev/null)
