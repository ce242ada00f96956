using UnityEngine;

namespace Spark.TopDownAction
{
    /// <summary>Cycles through sprites at a fixed rate. Enough for pixel art, and far cheaper on WebGL than an Animator.</summary>
    [RequireComponent(typeof(SpriteRenderer))]
    public sealed class SpriteAnimator : MonoBehaviour
    {
        [SerializeField] private Sprite[] frames;
        [SerializeField, Min(0.1f)] private float framesPerSecond = 8f;

        private SpriteRenderer spriteRenderer;
        private float elapsed;
        private int index;

        /// <summary>Plays other frames from their first one; the same frames simply go on.</summary>
        public void Play(Sprite[] next, float rate)
        {
            framesPerSecond = Mathf.Max(0.1f, rate);
            if (ReferenceEquals(frames, next)) return;
            frames = next;
            elapsed = 0f;
            index = 0;
            Show();
        }

        private void Awake()
        {
            spriteRenderer = GetComponent<SpriteRenderer>();
        }

        private void OnEnable()
        {
            Show();
        }

        private void Update()
        {
            if (frames == null || frames.Length < 2) return;
            elapsed += Time.deltaTime * framesPerSecond;
            if (elapsed < 1f) return;
            int steps = (int)elapsed;
            elapsed -= steps;
            index = (index + steps) % frames.Length;
            Show();
        }

        private void Show()
        {
            if (frames != null && frames.Length > 0) spriteRenderer.sprite = frames[index];
        }
    }
}
