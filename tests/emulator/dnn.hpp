/* dnn.hpp - inside the emulated cuDNN: descriptors and what is known of engines.
 * The files: dnn_descriptor.cpp (attributes by a table, handles), dnn_engine.cpp
 * (what is offered for a graph), dnn_execute.cpp (a plan's arithmetic). */
#ifndef EMULATOR_DNN_HPP
#define EMULATOR_DNN_HPP

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "emulator.hpp"
#include "include/cudnn.h"

struct cudnnContext {
    cudaStream_t stream;
};

namespace emulator
{
struct descriptor;
typedef std::shared_ptr<const descriptor> part;

struct value {
    cudnnBackendAttributeType_t type;
    int64_t count;
    std::vector<char> bytes;
    std::vector<part> parts; /* of BACKEND_DESCRIPTOR, as they were when they were set */
};

struct descriptor {
    cudnnBackendDescriptorType_t type;
    bool finalized = false;
    std::map<int, value> set;

    bool has(int name) const
    {
        return set.count(name) != 0;
    }
    template <class T> T get(int name, int64_t i = 0) const /* of what a finalized one must have */
    {
        return ((const T *)set.at(name).bytes.data())[i];
    }
    std::vector<int64_t> list(int name) const
    {
        const int64_t *first = (const int64_t *)set.at(name).bytes.data();
        return std::vector<int64_t>(first, first + set.at(name).count);
    }
    const descriptor &child(int name, size_t i = 0) const
    {
        return *set.at(name).parts[i];
    }
    double number(int name, double otherwise) const; /* FLOAT or DOUBLE */
};

/* What SetAttribute would keep: for descriptors that the library fills in. */
void put(descriptor *d, int name, cudnnBackendAttributeType_t type, int64_t count, const void *elements);
void put_part(descriptor *d, int name, const part &p);

/* --- dnn_engine.cpp --- */

struct knob {
    cudnnBackendKnobType_t type;
    int64_t least, most, usual;
};
struct engine {
    int64_t index;
    std::vector<cudnnBackendNumericalNote_t> notes;
    std::vector<knob> knobs;
    bool works, tf32;             /* works: a plan can be made of it */
    bool runs;                    /* and it can be executed */
    int64_t workspace_per_output; /* bytes */
};

/* Of a plan or less; NULL when the graph has no such engine. */
const engine *engine_of(const descriptor &engine_descriptor);
int64_t workspace_of(const descriptor &engine_descriptor);
/* Checks beyond the table, when a descriptor is finalized. */
cudnnStatus_t check_whole(const descriptor &d);
/* Attributes that are computed: the elements, or the descriptors to be handed out. */
cudnnStatus_t compute(const descriptor &d, int name, value *v);

/* --- dnn_execute.cpp --- */

cudnnStatus_t execute(cudaStream_t stream, part plan, part pack);
} // namespace emulator

#endif
