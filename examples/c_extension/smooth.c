/* SPDX-License-Identifier: MIT */
/* A blur in plain C: Python.h, fastconv.h, and no library to link. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "fastconv.h"

static const fastconv_api* fc;

/* y = x blurred by 1/16 (1 2 1)^T (1 2 1), with the border pixels repeated outwards. */
static int blur(int64_t height, int64_t width, const float* x, float* y) {
  static const float weights[9] = {1 / 16.f, 1 / 8.f,  1 / 16.f, 1 / 8.f, 1 / 4.f,
                                   1 / 8.f,  1 / 16.f, 1 / 8.f,  1 / 16.f};
  fastconv_conv_desc desc = fastconv_conv_defaults();
  desc.in[0] = height, desc.in[1] = width;
  desc.kernel[0] = desc.kernel[1] = 3;
  desc.pad_lo[0] = desc.pad_lo[1] = desc.pad_hi[0] = desc.pad_hi[1] = 1;
  desc.padding_mode = FASTCONV_REPLICATE;
  size_t bytes;
  int status = fc->conv_workspace(&desc, FASTCONV_FORWARD, &bytes);
  if (status != FASTCONV_OK) return status;
  void* workspace = fc->take(bytes);
  if (workspace == NULL && bytes > 0)
    return fc->fail(FASTCONV_NO_MEMORY, "there is no memory for the workspace");
  status = fc->conv(&desc, x, weights, NULL, NULL, y, workspace, bytes);
  fc->give(workspace);
  return status;
}

static int is_image(const Py_buffer* view) {
  return view->ndim == 2 && view->format != NULL && strcmp(view->format, "f") == 0;
}

static PyObject* py_blur(PyObject* module, PyObject* args) {
  (void)module;
  PyObject *from, *to, *result = NULL;
  Py_buffer x, y;
  if (!PyArg_ParseTuple(args, "OO", &from, &to)) return NULL;
  if (PyObject_GetBuffer(from, &x, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0) return NULL;
  if (PyObject_GetBuffer(to, &y, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE) < 0) {
    PyBuffer_Release(&x);
    return NULL;
  }
  if (!is_image(&x) || !is_image(&y) || x.shape[0] != y.shape[0] || x.shape[1] != y.shape[1]) {
    PyErr_SetString(PyExc_ValueError, "x and y must be float32 images of one shape");
  } else {
    int status;
    Py_BEGIN_ALLOW_THREADS status = blur(x.shape[0], x.shape[1], x.buf, y.buf);
    Py_END_ALLOW_THREADS if (status == FASTCONV_OK) result = Py_NewRef(Py_None);
    else PyErr_SetString(PyExc_ValueError, fc->last_error());
  }
  PyBuffer_Release(&x);
  PyBuffer_Release(&y);
  return result;
}

static PyMethodDef methods[] = {
    {"blur", py_blur, METH_VARARGS, "blur(x, y): y = x, blurred; float32 images of one shape."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "smooth",
                                    .m_methods = methods};

PyMODINIT_FUNC PyInit_smooth(void) {
  fc = fastconv_import();
  return fc == NULL ? NULL : PyModule_Create(&module);
}
