using System;
using System.Collections;
using UnityEngine;
using UnityEngine.UI;

namespace Spark.VisualNovel
{
    /// <summary>Fades to black, lets something change unseen, and fades back.</summary>
    public sealed class SceneTransition : MonoBehaviour
    {
        [SerializeField, Min(0.01f)] private float fadeSeconds = 0.5f;
        [SerializeField] private Color colour = Color.black;

        private Image curtain;

        public bool IsRunning { get; private set; }

        /// <summary>Run it as a coroutine: it ends when the picture is clear again.</summary>
        public IEnumerator Run(Action whileDark)
        {
            IsRunning = true;
            yield return Fade(1f);
            whileDark?.Invoke();
            yield return Fade(0f);
            IsRunning = false;
        }

        private void Awake()
        {
            var canvas = gameObject.AddComponent<Canvas>();
            canvas.renderMode = RenderMode.ScreenSpaceOverlay;
            canvas.sortingOrder = 100;
            var child = new GameObject("Curtain", typeof(RectTransform));
            var area = (RectTransform)child.transform;
            area.SetParent(transform, false);
            area.anchorMin = Vector2.zero;
            area.anchorMax = Vector2.one;
            area.sizeDelta = Vector2.zero;
            curtain = child.AddComponent<Image>();
            curtain.raycastTarget = false;
            Show(1f);
        }

        private IEnumerator Fade(float target)
        {
            float from = curtain.color.a;
            for (float time = 0f; time < fadeSeconds; time += Time.unscaledDeltaTime)
            {
                Show(Mathf.Lerp(from, target, time / fadeSeconds));
                yield return null;
            }

            Show(target);
        }

        private void Show(float alpha)
        {
            Color shown = colour;
            shown.a = alpha;
            curtain.color = shown;
            curtain.enabled = alpha > 0f;
        }
    }
}
